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

    /// <summary>False when somebody else has the address already or it lies outside the range.</summary>
    public bool TryClaim(string address, string owner) =>
        IPAddress.TryParse(address, out var parsed) && Range.Contains(parsed) && (owners.TryAdd(parsed.ToString(), owner) || owners[parsed.ToString()] == owner);

    public string? Allocate(string owner)
    {
        for (BigInteger tries = 0; tries < size; tries++)
        {
            var candidate = At(next);
            next = next + 1 >= size - 1 ? 1 : next + 1;
            if (owners.TryAdd(candidate, owner)) return candidate;
        }

        return null;
    }

    public void Release(string address, string owner)
    {
        if (owners.GetValueOrDefault(address) == owner) owners.Remove(address);
    }

    /// <summary>Who has the address, or null.</summary>
    public string? OwnerOf(string address) => owners.GetValueOrDefault(address);

    /// <summary>The address at an offset from the start of the range.</summary>
    public string At(BigInteger offset)
    {
        var value = (start + offset).ToByteArray(isUnsigned: true, isBigEndian: true);
        var bytes = new byte[lengthBytes];
        value.CopyTo(bytes, lengthBytes - value.Length);
        return new IPAddress(bytes).ToString();
    }
}
