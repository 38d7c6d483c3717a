; SPDX-License-Identifier: LGPL-2.1-or-later
;
; A guest that does nothing but count: two sectors, real mode, no operating system.
;
; It numbers the pages of a range of RAM over and over, and writes numbered blocks to its disks.  What RAM and disks
; must hold follows from a few counters at a known address, so that a checker outside can tell whether a guest that was
; moved is whole (tests/lab/miglab/counter.py holds the other half of every rule here).
;
; RAM: pass 1, 2, 3 ... goes over the range page by page.  A page is 1024 little-endian words:
;   0 pass | 1 index of the page | 2 sum of the random words | 3.. random words | zeros | 1023 ~pass
;
; Disk: the block numbered seq goes to slot (seq % blocks) of every disk, 4 KiB each, as words:
;   0 magic | 1 seq | 2 slot | 3 disk | 4 boot nonce | 5..1023 ~seq
;
; The parameters at the end of the second sector are filled in by the lab.

        bits    16
        cpu     586
        org     0x7c00

MAGIC           equ     0x4347494d              ; "MIGC"
CLOCK           equ     0x46c                   ; the BIOS counts IRQ 0 here, 18.2 times a second
BUFFER          equ     0x8000                  ; one disk block
PACKET          equ     0x700                   ; disk address packet of INT 13h
SLICE           equ     2048                    ; pages between looks at the clock when running flat out

; The counters.  `pass` and `cur` are changed together, so that no stop of the guest can fall between them.
        absolute 0x600
magic:          resd    1
pass:           resd    1                       ; the pass going on, from 1
cur:            resd    1                       ; its next page; this one page may be half written
errors:         resd    1                       ; disk writes that failed
ticks:          resd    1                       ; ticks of the clock seen
started:        resd    1                       ; newest block begun
seq:            resd    1                       ; newest block that is on every disk
nonce:          resd    1                       ; tells this boot's blocks from an earlier boot's
counters_end:
last_tick:      resd    1
countdown:      resd    1
random_state:   resd    1

        section .text
        jmp     0:boot                          ; some firmware enters at 07c0:0000

; The firmware has loaded the first sector; the second one follows it on the same medium.
boot:
        cli
        cld
        xor     eax, eax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00
        mov     ax, 0x0201
        mov     bx, 0x7e00
        mov     cx, 2
        mov     dh, 0
        int     0x13
        cli
        jc      boot
        jmp     main

; The next numbered block, on every disk in turn.
write_block:
        mov     eax, [seq]
        inc     eax
        mov     [started], eax
        not     eax
        mov     di, BUFFER + 20
        mov     cx, 1019
        rep     stosd
        not     eax
        mov     [BUFFER + 4], eax
        mov     dword [BUFFER], MAGIC
        xor     edx, edx
        div     dword [p_blocks]
        mov     [BUFFER + 8], edx
        mov     eax, [nonce]
        mov     [BUFFER + 16], eax
        lea     eax, [edx * 8]
        add     eax, [p_lba]
        xor     bx, bx
.disk:
        mov     si, PACKET
        mov     dword [si], 0x00080010          ; packet of 16 bytes, 8 sectors
        mov     dword [si + 4], BUFFER
        mov     [si + 8], eax
        mov     dword [si + 12], 0
        mov     [BUFFER + 12], bx
        mov     word [BUFFER + 14], 0
        pushad
        lea     dx, [bx + 0x80]
        mov     ax, 0x4300
        int     0x13
        cli
        jnc     .written
        inc     dword [errors]
.written:
        popad
        inc     bx
        cmp     bx, [p_disks]
        jb      .disk
        mov     eax, [started]
        mov     [seq], eax
        ret

; ZF set: no waiting for the clock.  The first pass is always flat out, so that the range soon has its contents.
flat_out:
        call    finished
        ja      .no                             ; `ja` implies ZF clear
        cmp     dword [pass], 1
        je      .no
        cmp     dword [p_rate], 0
.no:
        ret

; "Above" when the last pass that was asked for is over.
finished:
        mov     eax, [p_passes]
        dec     eax                             ; 0, no limit, becomes the largest number
        mov     ebx, [pass]
        dec     ebx
        cmp     ebx, eax
        ret

; Lets FS reach all 4 GiB from real mode.
big_fs:
        lgdt    [gdt_pointer]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        mov     bx, 8
        mov     fs, bx
        and     al, 0xfe
        mov     cr0, eax
        xor     bx, bx
        mov     fs, bx
        ret

        align   4, db 0
gdt:
        dq      0
        dq      0x008f92000000ffff              ; data, base 0, limit 4 GiB
gdt_pointer:
        dw      gdt_pointer - gdt - 1
        dd      gdt

        times   510 - ($ - $$) db 0
        dw      0xaa55

main:
        xor     eax, eax
        mov     di, pass
        mov     cx, counters_end - pass
        rep     stosb
        inc     dword [pass]
        rdtsc
        xor     eax, [CLOCK]
        mov     [nonce], eax
        mov     [random_state], eax
        mov     eax, [p_every]
        mov     [countdown], eax
        mov     dword [magic], MAGIC            ; from here on the counters can be believed
        call    big_fs

; One slice: as many pages as the clock tick is worth.
slice:
        mov     ebp, [p_rate]
        call    flat_out
        jnz     next_page
        mov     ebp, SLICE
next_page:
        call    finished
        ja      look_at_clock
        mov     eax, [cur]
        cmp     eax, [p_pages]
        jb      fill_page
        mov     edx, eax                        ; end of the pass: {pass, cur} = {pass + 1, 0} in one instruction
        mov     eax, [pass]
        lea     ebx, [eax + 1]
        xor     ecx, ecx
        cmpxchg8b [pass]
        jmp     next_page

fill_page:
        mov     edi, [p_start]
        add     edi, eax
        shl     edi, 12
        mov     edx, [pass]
        cmp     edx, 1                          ; firmware may have left something behind
        jne     .number
        mov     ecx, 1024
.clear:
        mov     dword [fs:edi + ecx * 4 - 4], 0
        dec     cx
        jnz     .clear
.number:
        mov     [fs:edi], edx
        mov     [fs:edi + 4], eax
        xor     ebx, ebx
        mov     esi, [random_state]
        mov     ecx, [p_random]
        jecxz   .close
.random:
        imul    esi, esi, 1664525
        add     esi, 1013904223
        mov     [fs:edi + ecx * 4 + 8], esi
        add     ebx, esi
        dec     cx
        jnz     .random
        mov     [random_state], esi
.close:
        mov     [fs:edi + 8], ebx
        not     edx
        mov     [fs:edi + 4092], edx
        inc     dword [cur]
        dec     ebp
        jnz     next_page

; Interrupts are on only here and in the BIOS.
look_at_clock:
        sti
        nop
        cli
.again:
        mov     eax, [CLOCK]
        cmp     eax, [last_tick]
        jne     tick
        call    flat_out
        jz      slice
        sti
        hlt
        cli
        jmp     .again

tick:
        mov     [last_tick], eax
        inc     dword [ticks]
        cmp     dword [p_blocks], 0
        je      .done
        dec     dword [countdown]
        jnz     .done
        mov     eax, [p_every]
        mov     [countdown], eax
        call    write_block
.done:
        call    big_fs                          ; the BIOS has been through protected mode and back
        jmp     slice

        times   1024 - 48 - ($ - $$) db 0
parameters:
                dd      MAGIC
p_start:        dd      0                       ; first page of the range
p_pages:        dd      0                       ; pages in it
p_rate:         dd      0                       ; pages per tick; 0: flat out
p_random:       dd      0                       ; random words per page, at most 1020
p_passes:       dd      0                       ; stop after so many passes; 0: never
p_lba:          dd      0                       ; where the slots begin, in sectors
p_blocks:       dd      0                       ; slots; 0: no disk is written
p_every:        dd      0                       ; ticks from one block to the next
p_disks:        dd      0                       ; disks to write to
p_fill:         dd      0                       ; for the checker only: MiB of known data behind the slots
p_seed:         dd      0                       ; for the checker only: which data
