using System.Net;
using System.Net.Sockets;
using Cilium.Netlink.Native;

namespace Cilium.Netlink.Messages;

/// <summary>Address families by the kernel's numbers.</summary>
internal static class Families
{
    internal static bool IsV6(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6;

    internal static byte Number(IPAddress address) => (byte)(IsV6(address) ? Libc.AfInet6 : Libc.AfInet);

    internal static byte Number(AddressFamily family) => family switch
    {
        AddressFamily.InterNetwork => Libc.AfInet,
        AddressFamily.InterNetworkV6 => Libc.AfInet6,
        _ => 0,
    };

    internal static AddressFamily Family(byte number) =>
        number == Libc.AfInet6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;

    /// <summary>The network of an address with host bits cleared, or null when the length does not fit the family.</summary>
    internal static IPNetwork? Network(byte family, IPAddress? address, int prefixLength)
    {
        var bytes = new byte[family == Libc.AfInet6 ? 16 : 4];
        if (prefixLength > bytes.Length * 8 || (address is not null && (!address.TryWriteBytes(bytes, out var written) || written != bytes.Length)))
            return null;
        for (var bit = prefixLength; bit < bytes.Length * 8; bit++)
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return new IPNetwork(new IPAddress(bytes), prefixLength);
    }
}
