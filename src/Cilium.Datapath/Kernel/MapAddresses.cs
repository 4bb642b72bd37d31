using Cilium.Core;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.Kernel;

/// <summary>Our vocabulary as the maps spell it, and back.</summary>
internal static class MapAddresses
{
    private const uint ServiceIdBits = 32;

    internal static Addr128 ToMap(this IpAddr address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.WriteNetworkBytes(bytes);
        return Addr128.FromBytes(bytes);
    }

    internal static IpAddr ToIpAddr(this Addr128 address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.Write(bytes);
        return IpAddr.FromNetworkBytes(bytes);
    }

    internal static MacAddr ToMap(this MacAddress mac)
    {
        Span<byte> bytes = stackalloc byte[6];
        mac.WriteBytes(bytes);
        return MacAddr.FromBytes(bytes);
    }

    internal static MacAddress ToMacAddress(this MacAddr mac)
    {
        Span<byte> bytes = stackalloc byte[6];
        mac.Write(bytes);
        return MacAddress.FromBytes(bytes);
    }

    internal static IpcacheKey ToMap(this Prefix prefix) => new((uint)prefix.Length128, prefix.Address.ToMap());

    internal static Prefix ToPrefix(this IpcacheKey key) => ToPrefix(key.Address, key.PrefixLength);

    /// <summary>The range of sources, without the service it is for.</summary>
    internal static Prefix ToPrefix(this SourceRangeKey key) => ToPrefix(key.Address, key.PrefixLength - ServiceIdBits);

    private static Prefix ToPrefix(Addr128 bits, uint length128)
    {
        var address = bits.ToIpAddr();
        return new Prefix(address, address.IsIPv4 ? Math.Max(0, (int)length128 - Addr128.MappedBits) : (int)length128);
    }
}
