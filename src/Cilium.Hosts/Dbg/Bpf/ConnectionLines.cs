using System.Globalization;
using System.Net;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.Maps;

namespace Cilium.Hosts.Dbg.Bpf;

/// <summary>Lines about tracked and masqueraded connections.</summary>
internal static class ConnectionLines
{
    public static IEnumerable<string> Connections(DatapathInspection maps, ushort? endpoint) =>
        from pair in maps.Conntrack()
        where endpoint is null || pair.Value.SourceEndpoint == endpoint || pair.Value.DestinationEndpoint == endpoint
        orderby pair.Key.Protocol, pair.Key.LowAddress.ToString(), pair.Key.LowPort.Number, pair.Key.HighPort.Number
        select Connection(pair.Key, pair.Value);

    public static IEnumerable<string> Translations(DatapathInspection maps)
    {
        var now = TimeProvider.System.GetTimestamp() / TimeProvider.System.TimestampFrequency;
        return from pair in maps.Translations()
               orderby pair.Key.Protocol, pair.Key.Source.ToString(), pair.Key.SourcePort.Number
               select Translation(pair.Key, pair.Value, now);
    }

    // One entry serves both directions here; it is printed as its opener sees it.
    private static string Connection(in CtTuple key, in CtEntry entry)
    {
        var low = Socket(key.LowAddress, key.LowPort);
        var high = Socket(key.HighAddress, key.HighPort);
        var (from, to) = entry.Flags.HasFlag(CtFlags.FromHigh) ? (high, low) : (low, high);
        var direction = key.Flags.HasFlag(CtTupleFlags.Service) ? "SVC" : entry.SourceEndpoint != 0 ? "OUT" : "IN";
        var (bits, words) = Flags(entry);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Protocol(key.Protocol)} {direction} {from} -> {to} expires={entry.Lifetime} "
            + $"Packets={entry.ForwardPackets + entry.ReversePackets} Bytes={entry.ForwardBytes + entry.ReverseBytes} "
            + $"RxFlagsSeen=0x{entry.ReverseTcpFlags:x2} LastRxReport={entry.LastReverseReport} TxFlagsSeen=0x{entry.ForwardTcpFlags:x2} LastTxReport={entry.LastForwardReport} "
            + $"Flags=0x{bits:x4} [ {words}] RevNAT={entry.ServiceId} SourceSecurityID={entry.SourceIdentity} IfIndex=0 BackendID={entry.BackendId}");
    }

    private static string Translation(in SnatKey key, in SnatValue value, long now)
    {
        var (direction, word) = key.Direction == SnatDirection.Egress ? ("OUT", "XLATE_SRC") : ("IN", "XLATE_DST");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Protocol(key.Protocol)} {direction} {Socket(key.Source, key.SourcePort)} -> {Socket(key.Destination, key.DestinationPort)} "
            + $"{word} {Socket(value.ToAddress, value.ToPort)} Created={Math.Max(0, now - value.Created)}sec ago NeedsCT=0");
    }

    // The bits and words are upstream's; closing and "seen non-SYN" follow from the TCP flags that were seen.
    private static (ushort Bits, string Words) Flags(in CtEntry entry)
    {
        const byte fin = 1, syn = 2, rst = 4;
        (bool IsSet, int Bit, string Name)[] flags =
        [
            ((entry.ReverseTcpFlags & (fin | rst)) != 0, 0, "RxClosing"), ((entry.ForwardTcpFlags & (fin | rst)) != 0, 1, "TxClosing"),
            (entry.Flags.HasFlag(CtFlags.Loopback), 3, "LBLoopback"),
            (((entry.ForwardTcpFlags | entry.ReverseTcpFlags) & ~syn) != 0, 4, "SeenNonSyn"), (entry.Flags.HasFlag(CtFlags.FromTunnel), 10, "FromTunnel"),
        ];
        var set = flags.Where(flag => flag.IsSet).ToArray();
        return ((ushort)set.Sum(flag => 1 << flag.Bit), string.Concat(set.Select(flag => $"{flag.Name} ")));
    }

    private static string Protocol(byte protocol) => protocol switch
    {
        1 => "ICMP",
        6 => "TCP",
        17 => "UDP",
        58 => "ICMPv6",
        132 => "SCTP",
        _ => protocol.ToString(CultureInfo.InvariantCulture),
    };

    private static string Socket(Addr128 address, NetPort port) => new IPEndPoint(address.ToIPAddress(), port.Number).ToString();
}
