using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Core;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>A call on a socket as the programs of its control group see it.</summary>
/// <param name="table">The namespace's sockets.</param>
/// <param name="cgroup">Whose programs.</param>
/// <param name="cookie">The socket's number.</param>
/// <param name="protocol">6 or 17.</param>
internal sealed class SocketCall(SocketTable table, VirtualCgroup cgroup, ulong cookie, byte protocol)
{
    private const uint Internet = 2;
    private const uint Internet6 = 10;
    private const byte Tcp = 6;
    private const uint Stream = 1;
    private const uint Datagram = 2;

    /// <summary>Runs the programs of the hook for the address's family on it. Returns zero, or the error number they gave the call.</summary>
    internal int Run(AttachType hook4, AttachType hook6, ref Endpoint endpoint)
    {
        var isIPv4 = endpoint.Address.IsIPv4;
        using var address = new BpfSocketAddress
        {
            Family = isIPv4 ? Internet : Internet6,
            Port = BinaryPrimitives.ReverseEndianness(endpoint.Port),
            Protocol = protocol,
            Type = protocol == Tcp ? Stream : Datagram,
            Cookie = cookie,
            CgroupId = cgroup.Id,
            NetnsCookie = table.Namespace.Cookie,
            Sockets = table,
        };
        if (isIPv4)
            address.Ipv4 = MemoryMarshal.Read<uint>(endpoint.Address.ToFamilyBytes());
        else
            endpoint.Address.WriteNetworkBytes(address.Ipv6);
        var error = cgroup.Run(isIPv4 ? hook4 : hook6, table.Namespace, address);
        if (error != 0)
            return error;
        Span<byte> ipv4 = stackalloc byte[4];
        MemoryMarshal.Write(ipv4, address.Ipv4);
        endpoint = new Endpoint(IpAddr.FromNetworkBytes(isIPv4 ? ipv4 : address.Ipv6), BinaryPrimitives.ReverseEndianness((ushort)address.Port));
        return 0;
    }
}
