using System.Buffers.Binary;
using Cilium.VirtualNetwork.Devices;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>Brings what is for a namespace itself to neighbour discovery, a tunnel device, the embedding program or a socket.</summary>
internal sealed class LocalDelivery(VirtualNamespace ns, List<TunnelInterface> tunnels)
{
    private readonly Reassembly _reassembly4 = new(ns, isIPv6: false);
    private readonly Reassembly _reassembly6 = new(ns, isIPv6: true);
    private readonly Fabric _fabric = ns.Node.Fabric;

    internal void Deliver(VirtualInterface device, Frame frame, in IpPacket ip)
    {
        // Neighbour discovery in fragments is nobody's (RFC 6980).
        if (ip.IsFragment)
        {
            DeliverFragment(device, frame, ip);
            return;
        }
        if (AddressResolution.TryHandle(device, ip))
        {
            _fabric.GiveBack(frame);
            return;
        }
        // What comes for a tunnel device is not for the stack.
        if (TryTunnel(device, frame, ip))
            return;
        _fabric.Observer?.OnFrame(FrameAction.Delivered, device, frame.Packet);
        if (ns.Sink?.Invoke(device, frame.Packet.Bytes) == true)
            _fabric.GiveBack(frame);
        else
            GiveToSockets(device, frame, ip);
    }

    private void DeliverFragment(VirtualInterface device, Frame frame, in IpPacket ip)
    {
        var reassembly = ip.Destination.IsIPv4 ? _reassembly4 : _reassembly6;
        // Nothing overtakes here: the first fragment, which has the port, says whether the others are a tunnel's.
        var isOfTunnel = reassembly.PlaceOf(frame, ip).Offset == 0 ? TunnelOf(ip) is not null : reassembly.IsOfTunnel(frame, ip);
        if (!isOfTunnel)
        {
            _fabric.Observer?.OnFrame(FrameAction.Delivered, device, frame.Packet);
            if (ns.Sink?.Invoke(device, frame.Packet.Bytes) == true)
            {
                _fabric.GiveBack(frame);
                return;
            }
        }
        if (reassembly.Add(device, frame, ip, isOfTunnel) is not { } whole)
            return;
        if (!IpPacket.TryRead(whole.Packet.Bytes, out var assembled))
            _fabric.Drop(whole, device, DropCause.Malformed);
        else if (!TryTunnel(device, whole, assembled))
            GiveToSockets(device, whole, assembled);
    }

    private TunnelInterface? TunnelOf(in IpPacket ip)
    {
        if (ip.Protocol != FrameWriter.Udp || ip.Payload.Length < FrameWriter.UdpBytes)
            return null;
        var port = BinaryPrimitives.ReadUInt16BigEndian(ip.Payload[2..]);
        return tunnels.Find(tunnel => tunnel.Port == port);
    }

    private bool TryTunnel(VirtualInterface device, Frame frame, in IpPacket ip)
    {
        if (TunnelOf(ip) is not { } tunnel)
            return false;
        if (!tunnel.TryReceive(frame, ip))
            _fabric.Drop(frame, device, DropCause.Malformed);
        return true;
    }

    private void GiveToSockets(VirtualInterface device, Frame frame, in IpPacket ip)
    {
        if (ns.Sockets.Deliver(device, ip, frame.Packet.OuterBytes == 0 ? frame.Packet.GsoSize : 0))
            _fabric.GiveBack(frame);
        else
            _fabric.Drop(frame, device, DropCause.NoSocket);
    }
}
