# For tools/gdb: from QEMU's start-up stub to the hypervisor's first instruction, with symbols where the code is now.
#
# QEMU starts in a few instructions of its own, in a page of its own, that set x0 to the device tree and jump to the
# image. The image still runs at the address it was loaded to; the symbols of the link are right once it has moved.
set suppress-cli-notifications on
python
def page():
    return int(gdb.parse_and_eval("(unsigned long)$pc")) >> 12
stub = page()
while page() == stub:
    gdb.execute("stepi", to_string=True)
entry = int(gdb.execute("info files", to_string=True).split("Entry point: ")[1].split()[0], 16)
here = int(gdb.parse_and_eval("(unsigned long)$pc"))
if here != entry:
    elf = gdb.objfiles()[0].filename
    gdb.execute(f"add-symbol-file {elf} -o {(here - entry) % 2**64:#x}", to_string=True)
end
set suppress-cli-notifications off
x/i $pc
