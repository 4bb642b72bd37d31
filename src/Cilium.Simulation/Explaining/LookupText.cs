using System.Runtime.InteropServices;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;

namespace Cilium.Simulation.Explaining;

/// <summary>Tells lookups of the datapath's maps with their typed keys and values; those that only count or keep books are not told.</summary>
internal sealed class LookupText(IdentityNames names)
{
    /// <summary>The name under which <c>PolicySlots</c> makes compiled policies.</summary>
    internal const string PolicyMap = "policy_inner";

    /// <summary>The text of a lookup, or null when it is of no note.</summary>
    internal string? Tell(string map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => map switch
    {
        "cilium_devices" or "cilium_devices_high" => $"device {MemoryMarshal.Read<uint>(key)} is {Endpoint(value)}",
        "cilium_lxc" => $"address {Address(key)} is {Endpoint(value)}",
        "cilium_ipcache" => $"ipcache {Address(MemoryMarshal.Read<IpcacheKey>(key).Address)}: {Ipcache(value)}",
        "cilium_lb_frontends" => $"service {Frontend(key)}: {(value.IsEmpty ? "none" : FrontendValueText(value))}",
        "cilium_lb_source_ranges" => value.IsEmpty ? "the source is in no range of the service" : "the source is in a range of the service",
        "cilium_lb_affinity" => value.IsEmpty ? "the client keeps no backend" : $"the client keeps backend {MemoryMarshal.Read<AffinityValue>(value).BackendId}",
        "cilium_lb_affinity_members" => value.IsEmpty ? "the backend is none of the service's any more" : "the backend is one of the service's",
        "cilium_lb_slots" => value.IsEmpty ? "no backend in the slot" : Slot(MemoryMarshal.Read<SlotValue>(value)),
        "cilium_ct" => $"connection {Connection(MemoryMarshal.Read<CtTuple>(key))}: {(value.IsEmpty ? "new" : "known")}",
        "cilium_snat" => $"translation: {(value.IsEmpty ? "none yet" : MemoryMarshal.Read<SnatValue>(value).ToAddress.ToIpAddr().ToString())}",
        PolicyMap => $"policy {Key(MemoryMarshal.Read<Cilium.Datapath.Maps.PolicyKey>(key))}: {(value.IsEmpty ? "no entry" : Entry(key, value))}",
        _ => null,
    };

    /// <summary>The key of an entry that a lookup found: as far as the entry's own prefix goes.</summary>
    internal static Cilium.Core.PolicyKey KeyOf(Cilium.Datapath.Maps.PolicyKey asked, PolicyValue found)
    {
        const int identityBits = 40, protocolBits = 48;
        var portBits = Math.Max(0, found.PrefixLength - protocolBits);
        var port = (ushort)(portBits == 0 ? 0 : asked.Port.Number & (0xFFFF << (16 - portBits)));
        return new Cilium.Core.PolicyKey(
            (TrafficDirection)asked.Direction,
            new Identity(asked.Identity),
            found.PrefixLength <= identityBits ? L4Protocol.Any : (L4Protocol)asked.Protocol,
            port,
            (byte)portBits);
    }

    /// <summary>The text of an entry.</summary>
    internal string Entry(Cilium.Core.PolicyKey key, bool isDeny)
    {
        var peer = key.Identity == Identity.Unknown ? "anybody" : names.Name(key.Identity.Value);
        var protocol = key.Protocol == L4Protocol.Any ? "any protocol" : key.Protocol.ToString().ToUpperInvariant();
        var port = key.PortPrefixLength switch { 0 => "", 16 => $" port {key.Port}", _ => $" ports {key.Port}-{key.Port + (1 << (16 - key.PortPrefixLength)) - 1}" };
        return $"{(isDeny ? "deny" : "allow")} {(key.Direction == TrafficDirection.Ingress ? "from" : "to")} {peer}, {protocol}{port}";
    }

    private string Entry(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var found = MemoryMarshal.Read<PolicyValue>(value);
        return Entry(KeyOf(MemoryMarshal.Read<Cilium.Datapath.Maps.PolicyKey>(key), found), (found.Flags & PolicyFlags.Deny) != 0);
    }

    private string Key(Cilium.Datapath.Maps.PolicyKey key) =>
        $"{(key.Direction == PolicyDirection.Ingress ? "ingress from" : "egress to")} {(key.Identity == 0 ? "anybody" : names.Name(key.Identity))} {(L4Protocol)key.Protocol} {key.Port.Number}";

    private string Endpoint(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
            return "nobody here";
        var row = MemoryMarshal.Read<EndpointRow>(value);
        if ((row.Flags & EndpointFlags.Host) != 0)
            return "this node";
        return (row.Flags & EndpointFlags.Present) == 0 ? "nobody here" : $"endpoint {row.EndpointId}, identity {names.Name(row.Identity)}";
    }

    private string Ipcache(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
            return "unknown";
        var row = MemoryMarshal.Read<IpcacheValue>(value);
        var tunnel = row.TunnelEndpoint.ToIpAddr();
        return $"identity {names.Name(row.Identity)}{(tunnel.IsNone ? "" : $", behind node {tunnel}")}";
    }

    private static string FrontendValueText(ReadOnlySpan<byte> value)
    {
        var frontend = MemoryMarshal.Read<FrontendValue>(value);
        return $"id {frontend.ServiceId} with {frontend.Count} backend{(frontend.Count == 1 ? "" : "s")}";
    }

    private static string Frontend(ReadOnlySpan<byte> key)
    {
        var frontend = MemoryMarshal.Read<FrontendKey>(key);
        return $"{frontend.Address.ToIpAddr()} {(L4Protocol)frontend.Protocol} {frontend.Port.Number}";
    }

    private static string Slot(SlotValue slot) => $"backend {slot.BackendId}: {slot.Address.ToIpAddr()} port {slot.Port.Number}";

    private static string Connection(CtTuple tuple) =>
        $"{(L4Protocol)tuple.Protocol} {tuple.LowAddress.ToIpAddr()} {tuple.LowPort.Number} - {tuple.HighAddress.ToIpAddr()} {tuple.HighPort.Number}";

    private static IpAddr Address(ReadOnlySpan<byte> key) => MemoryMarshal.Read<Addr128>(key).ToIpAddr();

    private static IpAddr Address(Addr128 address) => address.ToIpAddr();
}
