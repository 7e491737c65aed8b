"""Python's hpack, spoken to in lines of hexadecimal digits by a test of the runtime.

    encode [SIZE] NAME:VALUE ...    a header block, after a change of the table's size; a "!" before a field: never indexed
    decode BLOCK                    its fields, NAME:VALUE ...
    size SIZE                       the decoder may be told of a table of this size at most
"""

import sys

from hpack import Decoder, Encoder, HeaderTuple, NeverIndexedHeaderTuple


def encode(encoder, words):
    if words and ":" not in words[0]:
        encoder.header_table_size = int(words.pop(0), 16)
    fields = []
    for word in words:
        name, value = (bytes.fromhex(part) for part in word.lstrip("!").split(":"))
        kind = NeverIndexedHeaderTuple if word.startswith("!") else HeaderTuple
        fields.append(kind(name, value))
    # Huffman coding is used every second time.
    encode.huffman = not encode.huffman
    return encoder.encode(fields, huffman=encode.huffman).hex()


encode.huffman = False


def decode(decoder, block):
    fields = decoder.decode(bytes.fromhex(block), raw=True)
    return " ".join(f"{name.hex()}:{value.hex()}" for name, value in fields)


def main():
    encoder, decoder = Encoder(), Decoder(max_header_list_size=1 << 24)
    for line in sys.stdin:
        command, *words = line.split()
        if command == "encode":
            print(encode(encoder, words), flush=True)
        elif command == "decode":
            print(decode(decoder, words[0] if words else ""), flush=True)
        elif command == "size":
            decoder.max_allowed_table_size = int(words[0], 16)
            print(flush=True)


if __name__ == "__main__":
    main()
