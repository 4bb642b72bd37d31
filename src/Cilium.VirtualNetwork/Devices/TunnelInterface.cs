using System.Buffers.Binary;
using Cilium.Bpf.InProcess;
using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Devices;

/// <summary>
/// A VXLAN device that collects metadata: where a frame goes, and under which number, its programs say; from where it came, and under which
/// number, they are told. Source: RFC 7348.
/// </summary>
internal sealed class TunnelInterface(VirtualNamespace ns, string name, uint index, ushort port) : VirtualInterface(ns, name, index)
{
    private const int VxlanBytes = 8;
    private const byte HasNumber = 0x08;
    private const byte EcnMask = 3;
    private const ushort PortMinimum = 32768;
    private const ushort Ports = 28232;
    private const byte DefaultTtl = 64;

    internal ushort Port => port;

    private protected override void Send(Frame frame)
    {
        var packet = frame.Packet;
        if (!packet.IsTunnelForSending || packet.Tunnel is not { } key)
        {
            Fabric.Drop(frame, this, DropCause.NoTunnelKey);
            return;
        }
        var remote = IpAddr.FromIPAddress(key.Remote);
        if (Namespace.Routes.Find(remote) is not { } route)
        {
            Fabric.Drop(frame, this, DropCause.NoRoute);
            return;
        }
        var local = key.Local is { } given ? IpAddr.FromIPAddress(given) : Namespace.SourceOf(route, remote);
        if (local.IsNone || local.IsIPv4 != remote.IsIPv4)
        {
            Fabric.Drop(frame, this, DropCause.NoRoute);
            return;
        }

        // The packet of the outer headers is another one: it keeps the mark, and knows nothing of the tunnel any more.
        var inner = packet.Bytes.ToArray();
        var header = FrameWriter.HeaderBytes(local);
        if (header + FrameWriter.UdpBytes + VxlanBytes + inner.Length > ushort.MaxValue)
        {
            Fabric.Drop(frame, this, DropCause.TooBig);
            return;
        }
        var outer = new byte[IpPacket.EthernetBytes + header + FrameWriter.UdpBytes + VxlanBytes + inner.Length];
        BinaryPrimitives.WriteUInt16BigEndian(outer.AsSpan(12), local.IsIPv4 ? IpPacket.IPv4Type : IpPacket.IPv6Type);
        var tos = (byte)(key.Tos | (IpPacket.TryRead(inner, out var ip) ? ip.TrafficClass & EcnMask : 0));
        var l4 = outer.AsSpan(IpPacket.EthernetBytes + header);
        FrameWriter.WriteIp(outer.AsSpan(IpPacket.EthernetBytes), local, remote, FrameWriter.Udp, l4.Length, key.Ttl == 0 ? DefaultTtl : key.Ttl, tos, false);
        BinaryPrimitives.WriteUInt16BigEndian(l4, (ushort)(PortMinimum + (HashOf(inner) % Ports)));
        BinaryPrimitives.WriteUInt16BigEndian(l4[2..], port);
        BinaryPrimitives.WriteUInt16BigEndian(l4[4..], (ushort)l4.Length);
        l4[FrameWriter.UdpBytes] = HasNumber;
        BinaryPrimitives.WriteUInt32BigEndian(l4[(FrameWriter.UdpBytes + 4)..], key.Id << 8);
        inner.CopyTo(l4[(FrameWriter.UdpBytes + VxlanBytes)..]);
        if (!local.IsIPv4)
            BinaryPrimitives.WriteUInt16BigEndian(l4[6..], FrameWriter.Checksum(local, remote, FrameWriter.Udp, l4));
        var (mark, size, segments, outerBytes) = (packet.Mark, packet.GsoSize, packet.GsoSegments, packet.OuterBytes);
        packet.Load(outer);
        packet.Mark = mark;
        packet.PacketType = 0;
        (packet.GsoSize, packet.GsoSegments, packet.OuterBytes) = (size, segments, outerBytes + outer.Length - inner.Length);
        Fabric.Observer?.OnFrame(FrameAction.Encapsulated, this, packet);
        Namespace.SendBy(this, frame, route, remote);
    }

    /// <summary>Takes a frame out of the datagram that brought it; false when it is none of ours.</summary>
    internal bool TryReceive(Frame frame, in IpPacket ip)
    {
        if (ip.Payload.Length < FrameWriter.UdpBytes + VxlanBytes + IpPacket.EthernetBytes)
            return false;
        var vxlan = ip.Payload[FrameWriter.UdpBytes..];
        if (vxlan[0] != HasNumber)
            return false;
        var key = new BpfTunnelKey(BinaryPrimitives.ReadUInt32BigEndian(vxlan[4..]) >> 8, ip.Source.ToIPAddress(), ip.Destination.ToIPAddress(), ip.Ttl, ip.TrafficClass);
        var packet = frame.Packet;
        var (mark, size, segments) = (packet.Mark, packet.GsoSize, packet.GsoSegments);
        packet.Load(vxlan[VxlanBytes..].ToArray());
        packet.Mark = mark;
        (packet.GsoSize, packet.GsoSegments) = (size, segments);
        Fabric.Observer?.OnFrame(FrameAction.Decapsulated, this, packet);
        packet.Tunnel = key;
        Classify(frame);
        Fabric.Arrive(frame, this);
        return true;
    }

    // Any value will do that is the same for the packets of a flow.
    private static uint HashOf(ReadOnlySpan<byte> inner)
    {
        var hash = 2166136261u;
        var end = Math.Min(inner.Length, IpPacket.EthernetBytes + 44);
        if (IpPacket.TryRead(inner, out var ip))
        {
            foreach (var octet in ip.Payload[..Math.Min(4, ip.Payload.Length)])
                hash = (hash ^ octet) * 16777619;
            hash = (hash ^ (uint)ip.Source.Lo) * 16777619;
            return (hash ^ (uint)ip.Destination.Lo) * 16777619;
        }
        foreach (var octet in inner[..end])
            hash = (hash ^ octet) * 16777619;
        return hash;
    }
}
