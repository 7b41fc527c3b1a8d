"""Where instructions go: counts of the plugin count.c, sorted by program and function. Pure but for reading files."""
import bisect
import collections
import struct

OTHER = "guest and start"  # what is in none of the programs: the guest, and hv before its MMU is on


class Program:
    """An ELF file's code and the names of its functions. [ELF]"""

    def __init__(self, name, data):
        self.name, self.code, functions = name, [], {}
        header = struct.unpack_from("<16sHHIQQQIHHHHHH", data)
        program_at, section_at = header[5], header[6]
        for i in range(header[10]):
            kind, flags, offset, vaddr, _, size = struct.unpack_from("<IIQQQQ", data, program_at + i * header[9])
            if kind == 1 and flags & 1:
                self.code.append((vaddr, data[offset:offset + size]))
        sections = [struct.unpack_from("<IIQQQQIIQQ", data, section_at + i * header[11]) for i in range(header[12])]
        for _, kind, _, _, offset, size, link, _, _, entry in sections:
            if kind != 2:
                continue
            strings = sections[link][4]
            for at in range(offset, offset + size, entry):
                string, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", data, at)
                text = data[strings + string:data.index(b"\0", strings + string)].decode()
                # Functions, and labels of assembly; none of the marks of the assembler ("$x") and compiler (".L").
                if section and text and not text.startswith(("$", ".")) and any(base <= value < base + len(code) for base, code in self.code):
                    if info & 15 == 2 or value not in functions:
                        functions[value] = text
        self.starts = sorted(functions)
        self.names = [functions[start] for start in self.starts]

    @classmethod
    def read(cls, name, path):
        with open(path, "rb") as f:
            return cls(name, f.read())

    def has(self, vaddr, opcodes):
        return any(base <= vaddr and code[vaddr - base:vaddr - base + len(opcodes)] == opcodes for base, code in self.code)

    def function(self, vaddr):
        at = bisect.bisect_right(self.starts, vaddr) - 1
        return self.names[at] if at >= 0 else "?"


def profile(text, programs):
    """{(program, function): instructions} of what the plugin wrote; a block is the first program's that has these bytes there."""
    counts = collections.Counter()
    blocks = []
    for line in text.splitlines():
        if line.startswith("upper "):
            counts[OTHER, ""] += int(line.split()[1])
        elif line.startswith(" "):
            opcode, count = line.split()
            blocks[-1][1].append((int(opcode, 16), int(count)))
        else:
            blocks.append((int(line, 16), []))
    for vaddr, instructions in blocks:
        opcodes = b"".join(struct.pack("<I", opcode) for opcode, _ in instructions)
        program = next((one for one in programs if one.has(vaddr, opcodes)), None)
        for i, (_, count) in enumerate(instructions):
            counts[(program.name, program.function(vaddr + 4 * i)) if program else (OTHER, "")] += count
    return counts


def per_round(with_it, without, rounds):
    """What one round costs, by (program, function): the difference of two profiles, whole instructions, zeros left out."""
    found = {key: (with_it[key] - without[key]) / rounds for key in with_it}
    return {key: round(value) for key, value in found.items() if round(value) > 0}


def by_program(counts):
    sums = collections.Counter()
    for (program, _), count in counts.items():
        sums[program] += count
    return dict(sums)


def text_of(title, counts, most=8):
    """A few lines: the sum by program, then the functions that take the most."""
    sums = by_program(counts)
    lines = [f"{title}: " + ", ".join(f"{name} {count:,}" for name, count in sorted(sums.items(), key=lambda one: -one[1]))]
    functions = sorted(((count, key) for key, count in counts.items() if key[1]), reverse=True)
    lines += [f"  {count:>13,}  {program:8} {function}" for count, (program, function) in functions[:most]]
    rest = sum(count for count, _ in functions[most:])
    return "\n".join(lines + ([f"  {rest:>13,}  in {len(functions) - most} more"] if rest else []))
