namespace Cilium.Lab.Spdy;

/// <summary>
/// Decompresses the header blocks of one SPDY connection: one zlib stream with a preset dictionary, flushed to a byte boundary after
/// each block (RFC 1950, RFC 1951).
/// </summary>
internal sealed class HeaderInflater
{
    private const int WindowBytes = 32 * 1024;
    private const int BlockLimitBytes = 64 * 1024;
    private static readonly int[] LengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
    private static readonly int[] LengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    private static readonly int[] DistanceBase = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
    private static readonly int[] DistanceExtra = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
    private static readonly int[] CodeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    private readonly List<byte> window = [.. HeaderDictionary.Bytes];
    private bool started;
    private byte[] input = [];
    private int bit;

    /// <summary>The next block's bytes.</summary>
    /// <exception cref="InvalidDataException">The block is damaged.</exception>
    public byte[] Inflate(byte[] block)
    {
        input = block;
        bit = 0;
        if (!started)
        {
            if (block.Length < 2) throw Damaged();
            bit = (block[1] & 0x20) != 0 ? 48 : 16;
            started = true;
        }

        var from = window.Count;
        while (input.Length * 8 - bit >= 10)
        {
            var final = Bits(1) == 1;
            switch (Bits(2))
            {
                case 0:
                    Stored();
                    break;
                case 1:
                    Compressed(FixedLiterals, FixedDistances);
                    break;
                case 2:
                    Dynamic();
                    break;
                default:
                    throw Damaged();
            }

            if (window.Count - from > BlockLimitBytes) throw Damaged();
            if (final) break;
        }

        var result = window.GetRange(from, window.Count - from).ToArray();
        if (window.Count > WindowBytes) window.RemoveRange(0, window.Count - WindowBytes);
        return result;
    }

    private static readonly PrefixCode FixedLiterals = new(
        [.. Enumerable.Range(0, 288).Select(symbol => symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)]);

    private static readonly PrefixCode FixedDistances = new([.. Enumerable.Repeat(5, 30)]);

    private void Stored()
    {
        bit = (bit + 7) & ~7;
        var length = Bits(16);
        if (length != (Bits(16) ^ 0xffff)) throw Damaged();
        for (var count = 0; count < length; count++) window.Add((byte)Bits(8));
    }

    private void Dynamic()
    {
        var literals = Bits(5) + 257;
        var distances = Bits(5) + 1;
        var codes = Bits(4) + 4;
        var lengths = new int[19];
        for (var index = 0; index < codes; index++) lengths[CodeOrder[index]] = Bits(3);
        var lengthCode = new PrefixCode(lengths);
        var all = new int[literals + distances];
        for (var index = 0; index < all.Length;)
        {
            var symbol = lengthCode.Read(this);
            if (symbol < 16)
            {
                all[index++] = symbol;
                continue;
            }

            if (symbol == 16 && index == 0) throw Damaged();
            var value = symbol == 16 ? all[index - 1] : 0;
            var repeat = symbol == 16 ? 3 + Bits(2) : symbol == 17 ? 3 + Bits(3) : 11 + Bits(7);
            while (repeat-- > 0)
            {
                if (index == all.Length) throw Damaged();
                all[index++] = value;
            }
        }

        Compressed(new PrefixCode(all[..literals]), new PrefixCode(all[literals..]));
    }

    private void Compressed(PrefixCode literals, PrefixCode distances)
    {
        while (true)
        {
            var symbol = literals.Read(this);
            if (symbol == 256) return;
            if (symbol < 256)
            {
                window.Add((byte)symbol);
                continue;
            }

            symbol -= 257;
            if (symbol >= LengthBase.Length) throw Damaged();
            var length = LengthBase[symbol] + Bits(LengthExtra[symbol]);
            var distanceSymbol = distances.Read(this);
            if (distanceSymbol >= DistanceBase.Length) throw Damaged();
            var distance = DistanceBase[distanceSymbol] + Bits(DistanceExtra[distanceSymbol]);
            if (distance > window.Count) throw Damaged();
            while (length-- > 0) window.Add(window[^distance]);
        }
    }

    private int Bits(int count)
    {
        var value = 0;
        for (var index = 0; index < count; index++, bit++)
        {
            if (bit >= input.Length * 8) throw Damaged();
            value |= ((input[bit >> 3] >> (bit & 7)) & 1) << index;
        }

        return value;
    }

    private static InvalidDataException Damaged() => new("a compressed SPDY header block is damaged");

    /// <summary>A canonical prefix code (RFC 1951, 3.2.2).</summary>
    private sealed class PrefixCode
    {
        private readonly int[] counts = new int[16];
        private readonly int[] symbols;

        public PrefixCode(int[] lengths)
        {
            foreach (var length in lengths) counts[length]++;
            counts[0] = 0;
            var offsets = new int[16];
            for (var length = 1; length < 15; length++) offsets[length + 1] = offsets[length] + counts[length];
            symbols = new int[lengths.Length];
            for (var symbol = 0; symbol < lengths.Length; symbol++)
            {
                if (lengths[symbol] != 0) symbols[offsets[lengths[symbol]]++] = symbol;
            }
        }

        public int Read(HeaderInflater source)
        {
            int code = 0, first = 0, index = 0;
            for (var length = 1; length < 16; length++)
            {
                code |= source.Bits(1);
                if (code - counts[length] < first) return symbols[index + (code - first)];
                index += counts[length];
                first = (first + counts[length]) << 1;
                code <<= 1;
            }

            throw Damaged();
        }
    }
}
