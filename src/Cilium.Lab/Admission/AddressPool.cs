using System.Net;
using System.Numerics;

namespace Cilium.Lab.Admission;

/// <summary>Hands out addresses of one service range; the first is kept for the API server's own service. Not thread-safe.</summary>
internal sealed class AddressPool
{
    private readonly HashSet<string> used = [];
    private readonly BigInteger start;
    private readonly BigInteger size;
    private readonly int lengthBytes;
    private BigInteger next = 10;

    public AddressPool(IPNetwork range)
    {
        Range = range;
        var bytes = range.BaseAddress.GetAddressBytes();
        lengthBytes = bytes.Length;
        start = new BigInteger(bytes, isUnsigned: true, isBigEndian: true);
        size = BigInteger.Min(BigInteger.One << ((lengthBytes * 8) - range.PrefixLength), 1 << 20);
    }

    public IPNetwork Range { get; }

    /// <summary>False when somebody has the address already or it lies outside the range.</summary>
    public bool TryClaim(string address) => IPAddress.TryParse(address, out var parsed) && Range.Contains(parsed) && used.Add(parsed.ToString());

    public string? Allocate()
    {
        for (BigInteger tries = 0; tries < size; tries++)
        {
            var candidate = At(next);
            next = next + 1 >= size - 1 ? 2 : next + 1;
            if (used.Add(candidate)) return candidate;
        }

        return null;
    }

    public void Release(string address) => used.Remove(address);

    public bool IsUsed(string address) => used.Contains(address);

    /// <summary>The address at an offset from the start of the range.</summary>
    public string At(BigInteger offset)
    {
        var value = (start + offset).ToByteArray(isUnsigned: true, isBigEndian: true);
        var bytes = new byte[lengthBytes];
        value.CopyTo(bytes, lengthBytes - value.Length);
        return new IPAddress(bytes).ToString();
    }
}
