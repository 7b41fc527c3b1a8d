/* First program of a Linux guest for `make bench`: prints the counter at its first instruction, then powers off.
 * Static, without libc, the only file in the initial RAM disk. [LINUX Documentation/filesystems/ramfs-rootfs-initramfs.rst] */
#define AT_FDCWD -100
#define SYS_MKNODAT 33
#define SYS_MKDIRAT 34
#define SYS_OPENAT 56
#define SYS_WRITE 64
#define SYS_REBOOT 142
#define CONSOLE (5 << 8 | 1)	/* character device 5, 1 */

	.text
	.global _start
_start:
	mrs	x19, cntvct_el0

	mov	x0, #AT_FDCWD
	adr	x1, dev
	mov	x2, #0755
	mov	x8, #SYS_MKDIRAT
	svc	#0
	mov	x0, #AT_FDCWD
	adr	x1, console
	mov	x2, #020600		/* S_IFCHR */
	mov	x3, #CONSOLE
	mov	x8, #SYS_MKNODAT
	svc	#0
	mov	x0, #AT_FDCWD
	adr	x1, console
	mov	x2, #1			/* O_WRONLY */
	mov	x3, #0
	mov	x8, #SYS_OPENAT
	svc	#0
	mov	x20, x0

	/* Decimal digits, from the last one on. */
	adr	x1, line_end
	mov	x2, #10
1:	udiv	x3, x19, x2
	msub	x4, x3, x2, x19
	add	w4, w4, #'0'
	strb	w4, [x1, #-1]!
	mov	x19, x3
	cbnz	x19, 1b
	adr	x1, line
	adr	x2, line_after
	sub	x2, x2, x1
	mov	x0, x20
	mov	x8, #SYS_WRITE
	svc	#0

	ldr	w0, =0xfee1dead		/* LINUX_REBOOT_MAGIC1, 2, POWER_OFF */
	ldr	w1, =672274793
	ldr	w2, =0x4321fedc
	mov	x3, #0
	mov	x8, #SYS_REBOOT
	svc	#0
3:	b	3b

	.data
dev:
	.asciz	"/dev"
console:
	.asciz	"/dev/console"
line:
	.ascii	"figure linux_init count 1 avg 0 med "
	.ascii	"                    "	/* digits */
line_end:
	.ascii	"\n"
line_after:
