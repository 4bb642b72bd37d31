using Cilium.Bpf.InProcess;
using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>Sends on what is for others, and says how it would.</summary>
internal readonly struct Forwarding(VirtualNamespace ns)
{
    internal void Forward(VirtualInterface device, Frame frame, in IpPacket ip)
    {
        if (!(ip.Destination.IsIPv4 ? ns.ForwardsIPv4 : ns.ForwardsIPv6) || (ip.Destination.IsIPv6 && ip.Destination.Hi >> 56 == 0xFF))
        {
            ns.Node.Fabric.Drop(frame, device, DropCause.ForwardingDisabled);
            return;
        }
        if (ip.Ttl <= 1)
        {
            ns.Node.Fabric.Tell(DropCause.HopsExhausted, device, frame);
            IcmpErrors.HopsExhausted(ns, frame.Packet.Bytes);
            ns.Node.Fabric.GiveBack(frame);
            return;
        }
        var destination = ip.Destination;
        if (ns.Routes.Find(destination) is not { } route)
        {
            ns.Refuse(device, frame, DropCause.NoRoute);
            return;
        }
        var isSegmented = frame.Packet.GsoSize != 0;
        if ((isSegmented ? frame.Packet.SegmentBytes : ip.Length) > route.FittingBytes && (ip.MayNotBeFragmented || isSegmented))
        {
            RefuseTooBig(device, frame, route.FittingBytes);
            return;
        }
        IpPacket.CountHop(frame.Packet.Edit());
        // ip_forward sets the priority from the type of service, which is none here; the metadata of a tunnel ends with the route.
        frame.Packet.Priority = 0;
        frame.Packet.Tunnel = null;
        ns.Node.Fabric.Observer?.OnFrame(FrameAction.Forwarded, device, frame.Packet);
        ns.SendBy(device, frame, route, destination);
    }

    internal void RefuseTooBig(VirtualInterface device, Frame frame, int fittingBytes)
    {
        ns.Node.Fabric.Tell(DropCause.TooBig, device, frame);
        IcmpErrors.TooBig(ns, frame.Packet.Bytes, fittingBytes);
        ns.Node.Fabric.GiveBack(frame);
    }

    internal BpfRoutingResult Answer(ref BpfRoutingQuery query)
    {
        var device = ns.InterfaceOrNull(query.Ifindex);
        if (device is null)
            return BpfRoutingResult.NotForwarded;
        if (!query.IsForOutput && !(query.IsIpv6 ? ns.ForwardsIPv6 : ns.ForwardsIPv4))
            return BpfRoutingResult.ForwardingDisabled;
        var destination = IpAddr.FromNetworkBytes(query.Destination);
        if (ns.IsLocal(destination))
            return BpfRoutingResult.NotForwarded;
        if (ns.Routes.Find(destination) is not { } route)
            return query.IsIpv6 ? BpfRoutingResult.NotForwarded : BpfRoutingResult.Unreachable;
        query.Mtu = route.FittingBytes;
        if (query.PacketBytes > route.FittingBytes)
            return BpfRoutingResult.FragmentationNeeded;
        query.Ifindex = route.Interface.Index;
        if (query.WantsSource)
        {
            var source = ns.SourceOf(route, destination);
            if (source.IsNone)
                return BpfRoutingResult.NoSourceAddress;
            source.ToFamilyBytes().CopyTo(query.Source);
        }
        if (!route.Gateway.IsNone)
        {
            if (route.Gateway.IsIPv4 == query.IsIpv6)
                return BpfRoutingResult.NoNeighbour;
            route.Gateway.ToFamilyBytes().CopyTo(query.Destination);
        }
        if (query.SkipsNeighbour)
            return BpfRoutingResult.Success;
        if (ns.Neighbours.Find(route.Interface, route.Gateway.IsNone ? destination : route.Gateway) is not { } mac)
            return BpfRoutingResult.NoNeighbour;
        mac.WriteBytes(query.DestinationMac);
        route.Interface.Mac.WriteBytes(query.SourceMac);
        return BpfRoutingResult.Success;
    }
}
