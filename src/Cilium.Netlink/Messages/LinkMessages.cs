using System.Buffers.Binary;
using System.Net.NetworkInformation;

namespace Cilium.Netlink.Messages;

/// <summary>Links as messages.</summary>
internal static class LinkMessages
{
    private const int BodyBytes = 16;
    private const int MaximumIpv4Offload = 65536;

    internal static void WriteBody(MessageWriter writer, int index, bool? isUp, bool? usesArp = null)
    {
        var flags = (isUp == true ? Ifla.Up : 0) | (usesArp == false ? Ifla.NoArp : 0);
        var change = (isUp is null ? 0 : Ifla.Up) | (usesArp is null ? 0 : Ifla.NoArp);
        writer.Byte(0).Byte(0).U16(0).I32(index).U32(flags).U32(change);
    }

    internal static void WriteSettings(MessageWriter writer, LinkSettings settings)
    {
        if (settings.Name is { } name)
            writer.Attribute(Ifla.Name, name);
        if (settings.Mac is { } mac)
            writer.Attribute(Ifla.Address, mac.GetAddressBytes());
        if (settings.Mtu is { } mtu)
            writer.Attribute(Ifla.Mtu, (uint)mtu);
        if (settings.MasterIndex is { } master)
            writer.Attribute(Ifla.Master, (uint)master);
        if (settings.NamespaceOfProcess is { } process)
            writer.Attribute(Ifla.NamespacePid, (uint)process);
        if (settings.Namespace is { } ns)
            writer.Attribute(Ifla.NamespaceFd, (uint)ns.Handle.Number);
        if (settings.Queues is { } queues)
            writer.Attribute(Ifla.TxQueues, (uint)queues).Attribute(Ifla.RxQueues, (uint)queues);
        if (settings.GsoMaxSize is { } gso)
            writer.Attribute(Ifla.GsoMaxSize, (uint)gso).Attribute(Ifla.GsoIpv4MaxSize, (uint)Math.Min(gso, MaximumIpv4Offload));
        if (settings.GroMaxSize is { } gro)
            writer.Attribute(Ifla.GroMaxSize, (uint)gro).Attribute(Ifla.GroIpv4MaxSize, (uint)Math.Min(gro, MaximumIpv4Offload));
    }

    internal static void WriteVeth(MessageWriter writer, LinkSettings settings, LinkSettings peer)
    {
        WriteBody(writer, 0, settings.IsUp, settings.UsesArp);
        WriteSettings(writer, settings);
        var info = writer.BeginNest(Ifla.LinkInfo);
        writer.Attribute(Ifla.Kind, "veth");
        var attributes = writer.BeginNest(Ifla.KindAttributes);
        var peerNest = writer.BeginNest(Ifla.VethPeer);
        // The kernel cannot bring a peer up before the pair is joined (ENOTCONN).
        WriteBody(writer, 0, null, peer.UsesArp);
        WriteSettings(writer, peer);
        writer.EndNest(peerNest).EndNest(attributes).EndNest(info);
    }

    internal static void WriteVxlan(MessageWriter writer, LinkSettings settings, int port)
    {
        WriteBody(writer, 0, settings.IsUp, settings.UsesArp);
        WriteSettings(writer, settings);
        var info = writer.BeginNest(Ifla.LinkInfo);
        writer.Attribute(Ifla.Kind, "vxlan");
        var attributes = writer.BeginNest(Ifla.KindAttributes);
        writer.AttributeByte(Ifla.VxlanCollectMetadata, 1)
            .AttributeByte(Ifla.VxlanLearning, 0)
            .AttributePort(Ifla.VxlanPort, port)
            .AttributeByte(Ifla.VxlanZeroChecksum6Tx, 1)
            .AttributeByte(Ifla.VxlanZeroChecksum6Rx, 1)
            .EndNest(attributes)
            .EndNest(info);
    }

    internal static void WriteKind(MessageWriter writer, LinkSettings settings, string kind)
    {
        WriteBody(writer, 0, settings.IsUp, settings.UsesArp);
        WriteSettings(writer, settings);
        var info = writer.BeginNest(Ifla.LinkInfo);
        writer.Attribute(Ifla.Kind, kind).EndNest(info);
    }

    internal static Link? Parse(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < BodyBytes)
            return null;
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]);
        var link = new Link
        {
            Index = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]),
            HardwareType = BinaryPrimitives.ReadUInt16LittleEndian(payload[2..]),
            IsUp = (flags & Ifla.Up) != 0,
            HasCarrier = (flags & Ifla.LowerUp) != 0,
            Name = "",
        };
        var attributes = new AttributeReader(payload[BodyBytes..]);
        while (attributes.Next())
        {
            link = attributes.Type switch
            {
                Ifla.Name => link with { Name = attributes.Text },
                Ifla.Address when attributes.Value.Length > 0 => link with { Mac = new PhysicalAddress(attributes.Value.ToArray()) },
                Ifla.Mtu => link with { Mtu = (int)attributes.Number },
                Ifla.Link => link with { PeerIndex = (int)attributes.Number },
                Ifla.LinkNamespaceId => link with { PeerNamespaceId = (int)attributes.Number },
                Ifla.Master => link with { MasterIndex = (int)attributes.Number },
                Ifla.LinkInfo => WithKind(link, attributes.Value),
                _ => link,
            };
        }
        return link;
    }

    private static Link WithKind(Link link, ReadOnlySpan<byte> info)
    {
        var attributes = new AttributeReader(info);
        while (attributes.Next())
        {
            if (attributes.Type == Ifla.Kind)
                link = link with { Kind = attributes.Text };
            else if (attributes.Type == Ifla.KindAttributes && link.Kind == "vxlan")
                link = WithVxlan(link, attributes.Value);
        }
        return link;
    }

    private static Link WithVxlan(Link link, ReadOnlySpan<byte> bytes)
    {
        var attributes = new AttributeReader(bytes);
        while (attributes.Next())
        {
            if (attributes.Type == Ifla.VxlanPort && attributes.Value.Length == 2)
                link = link with { VxlanPort = BinaryPrimitives.ReadUInt16BigEndian(attributes.Value) };
            else if (attributes.Type == Ifla.VxlanCollectMetadata)
                link = link with { CollectsMetadata = attributes.Number != 0 };
        }
        return link;
    }
}
