"""Reads a recording by docs/trace-format.md alone, and prints what it holds, a line for each thing.

It knows nothing of Orrery's own reader, with which a test compares it. It needs zstd, which decompresses.
"""
import hashlib
import subprocess
import sys
import zlib


def little(data):
    return int.from_bytes(data, "little")


class Fields:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        assert count <= len(self.data) - self.at
        self.at += count
        return self.data[self.at - count:self.at]

    def u8(self):
        return self.take(1)[0]

    def u64(self):
        return little(self.take(8))

    def number(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                assert value < 1 << 64
                return value

    def signed(self):
        value = self.number()
        return -(value + 1) // 2 if value & 1 else value // 2

    def bytes(self):
        return self.take(self.number())

    def text(self):
        return self.bytes().decode()

    def ranges(self):
        place, numbers = 0, []
        for _ in range(self.number()):
            place += self.number()
            count = self.number()
            numbers += range(place, place + count)
            place += count
        return numbers

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        assert self.at == len(self.data)


def decompressed(frame):
    return subprocess.run(["zstd", "-dc"], input=frame, stdout=subprocess.PIPE, check=True).stdout


data = open(sys.argv[1], "rb").read()

# The header.
assert data[:8] == b"\x89ORR\r\n\x1a\n"
assert little(data[8:10]) == 1
size = little(data[12:16])
assert little(data[size - 4:size]) == zlib.crc32(data[:size - 4])
program = data[20:20 + little(data[16:20])].decode()
print("program", program)

# The chunks, one after the other.
chunks, at = [], size
while at < len(data):
    header = data[at:at + 40]
    assert little(header[36:40]) == zlib.crc32(header[:36])
    kind, flags, compression = header[:4].decode(), header[4], header[5]
    stored_size, payload_size = little(header[8:12]), little(header[12:16])
    stored = data[at + 40:at + 40 + stored_size]
    assert len(stored) == stored_size and little(header[32:36]) == zlib.crc32(stored)
    assert little(header[16:24]) == len(chunks)
    payload = decompressed(stored) if compression == 1 else stored
    assert len(payload) == payload_size
    chunks.append((kind, flags, compression, stored_size, payload_size, little(header[24:32]), at, payload))
    at += 40 + stored_size

# The footer and the indices say the same.
assert chunks[-1][0] == "FOOT"
footer = Fields(data[-16:])
place, own = footer.u64(), footer.u64()
assert own == len(data) - 56 == chunks[-1][6]
assert place == chunks[-2][6]
last = len(chunks) - 2
while True:
    index = Fields(chunks[last][7])
    first, offset, count = index.u64(), index.u64(), index.number()
    assert first + count == last and (offset == size) == (first == 0)
    position = 0
    for chunk in chunks[first:last]:
        assert index.take(4).decode() == chunk[0]
        assert (index.u8(), index.u8(), index.number(), index.number()) == chunk[1:5]
        position = (position + index.signed()) % (1 << 64)
        assert position == chunk[5]
    index.end()
    if first == 0:
        break
    assert chunks[first][0] == "INDX" and chunks[first][6] == offset
    last = first

snapshots, inputs = {}, 0
for kind, _, _, _, _, stamp, _, payload in chunks:
    fields = Fields(payload)
    if kind == "DESC":
        print("description", payload.hex())
    elif kind == "REVN":
        print("revision", fields.number(), fields.text())
    elif kind == "RSRC":
        for _ in range(fields.number()):
            record = Fields(fields.bytes())
            role, path, count, method = record.text(), record.text(), record.number(), record.u8()
            digest = record.bytes()
            held = record.ranges()
            assert method == 1
            contents = b"".join(chunks[number][7] for number in held)
            if held:
                assert len(contents) == count and hashlib.sha256(contents).digest() == digest
            print("file", role, path, count, digest.hex(), contents.hex() if held else "-")
    elif kind == "INPT":
        assert fields.number() == inputs
        count = fields.number()
        inputs += count
        position, time = fields.u64(), fields.u64()
        assert stamp == position
        steps, times, kinds, lengths = (Fields(fields.bytes()) for _ in range(4))
        for _ in range(count):
            position += steps.number()
            time += times.number()
            print("input", position, time, kinds.u8(), fields.take(lengths.number()).hex())
        fields.end()
    elif kind == "HASH":
        assert (fields.u8(), fields.u8()) == (1, 1)
        count = fields.number()
        position, time = fields.u64(), fields.u64()
        steps, times = Fields(fields.bytes()), Fields(fields.bytes())
        for _ in range(count):
            position += steps.number()
            time += times.number()
            print("hash", position, time, hex(fields.u64()))
        fields.end()
    elif kind == "SNAP":
        number, parent, position, time, count = (fields.number() for _ in range(5))
        name = fields.text()
        has_hash, value = fields.u8(), fields.u64()
        states, pages = fields.ranges(), fields.ranges()
        memory = dict(snapshots[parent]) if parent else {}
        snapshots[number] = memory
        print("snapshot", number, parent, position, time, count, name or "-", hex(value) if has_hash else "-")
        for chunk in pages:
            assert chunks[chunk][0] == "PAGE"
            piece = Fields(chunks[chunk][7])
            assert piece.number() == number
            space, records, place, stored = piece.text(), [], 0, 0
            for _ in range(piece.number()):
                place += piece.number()
                key = piece.number()
                for page in range(place, place + (key >> 2)):
                    if key & 3 == 1:
                        records.append((page, stored))
                        stored += 1
                    else:
                        records.append((page, None if key & 3 == 0 else -1))
                if key & 3 == 2:
                    like = piece.number()
                    records = [(page, like if number == -1 else number) for page, number in records]
                place += key >> 2
            contents = piece.rest()
            assert len(contents) == 4096 * stored
            for page, content in records:
                memory[space, page] = bytes(4096) if content is None else contents[4096 * content:4096 * content + 4096]
        for (space, page), contents in sorted(memory.items()):
            if any(contents):
                print("page", space, page, hashlib.sha256(contents).hexdigest())
        state = b""
        for chunk in states:
            assert chunks[chunk][0] == "STAT"
            piece = Fields(chunks[chunk][7])
            assert piece.number() == number
            state += piece.rest()
        state = Fields(state)
        names = [state.text() for _ in range(state.number())]
        for _ in range(state.number()):
            print("section", names[state.number()])
            for _ in range(state.number()):
                key = state.number()
                print("field", names[key >> 1], state.bytes().hex() or "-" if key & 1 else hex(state.number()))
        state.end()
    elif kind == "CONC":
        position, time, has_hash, value = fields.number(), fields.number(), fields.u8(), fields.u64()
        print("conclusion", position, time, hex(value) if has_hash else "-", fields.text())
