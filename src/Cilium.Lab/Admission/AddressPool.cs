using System.Net;
using System.Numerics;

namespace Cilium.Lab.Admission;

/// <summary>
/// Hands out addresses of one service range. As in Kubernetes the lower band (a sixteenth of the range, 16 to 256 addresses) is left to those who ask
/// for an address by name, such as the cluster's DNS. Not thread-safe.
/// </summary>
internal sealed class AddressPool
{
    private readonly Dictionary<string, string> owners = [];
    private readonly BigInteger start;
    private readonly BigInteger size;
    private readonly int lengthBytes;
    private readonly BigInteger band;
    private BigInteger next;

    public AddressPool(IPNetwork range)
    {
        Range = range;
        var bytes = range.BaseAddress.GetAddressBytes();
        lengthBytes = bytes.Length;
        start = new BigInteger(bytes, isUnsigned: true, isBigEndian: true);
        size = BigInteger.Min(BigInteger.One << ((lengthBytes * 8) - range.PrefixLength), 1 << 20);
        band = size <= 16 ? 1 : BigInteger.Min(BigInteger.Max(size / 16, 16), 256);
        next = band + 1;
    }

    public IPNetwork Range { get; }

    /// <summary>False when somebody else has the address already, it lies outside the range, or it is none.</summary>
    public bool IsFreeFor(string address, string owner) =>
        IPAddress.TryParse(address, out var parsed) && Range.Contains(parsed) && owners.GetValueOrDefault(parsed.ToString(), owner) == owner;

    /// <summary>An address nobody has, another one with each call, or null when all are taken. It stays free until it is claimed.</summary>
    public string? FindFree()
    {
        for (BigInteger tries = 0; tries < size; tries++)
        {
            var candidate = At(next);
            next = next + 1 >= size - 1 ? 1 : next + 1;
            if (!owners.ContainsKey(candidate)) return candidate;
        }

        return null;
    }

    /// <summary>Gives an address to an owner that may have it; does nothing with one that may not.</summary>
    public void Claim(string address, string owner)
    {
        if (IsFreeFor(address, owner)) owners[IPAddress.Parse(address).ToString()] = owner;
    }

    public void Release(string address, string owner)
    {
        if (IPAddress.TryParse(address, out var parsed) && owners.GetValueOrDefault(parsed.ToString()) == owner) owners.Remove(parsed.ToString());
    }

    /// <summary>The address at an offset from the start of the range.</summary>
    public string At(BigInteger offset)
    {
        var value = (start + offset).ToByteArray(isUnsigned: true, isBigEndian: true);
        var bytes = new byte[lengthBytes];
        value.CopyTo(bytes, lengthBytes - value.Length);
        return new IPAddress(bytes).ToString();
    }
}
