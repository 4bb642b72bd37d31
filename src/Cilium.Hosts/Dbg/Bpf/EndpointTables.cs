using System.Globalization;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.Maps;

namespace Cilium.Hosts.Dbg.Bpf;

/// <summary>Tables of local endpoints, of prefixes with their identities, of tunnels and of programs.</summary>
internal static class EndpointTables
{
    public static List<string[]> Local(DatapathInspection maps)
    {
        List<string[]> rows = [["IP ADDRESS", "LOCAL ENDPOINT INFO"]];
        foreach (var (address, row) in maps.Endpoints())
        {
            rows.Add([$"{address}:0", row.Flags.HasFlag(EndpointFlags.Host) ? "(localhost)" : Describe(row)]);
        }

        return rows;
    }

    public static List<string[]> IpCache(DatapathInspection maps)
    {
        List<string[]> rows = [["IP PREFIX/ADDRESS", "IDENTITY"]];
        foreach (var (prefix, identity, tunnel) in maps.IpCache())
        {
            rows.Add([prefix.ToString(), $"identity={identity} encryptkey=0 tunnelendpoint={(tunnel.IsNone ? "0.0.0.0" : tunnel)} flags={(tunnel.IsNone ? "<none>" : "hastunnel")}"]);
        }

        return rows;
    }

    /// <summary>The prefixes that lead through the tunnel: there is no map of their own, the ipcache tells the node behind each.</summary>
    public static List<string[]> Tunnels(DatapathInspection maps)
    {
        List<string[]> rows = [["TUNNEL", "VALUE"]];
        foreach (var (prefix, _, tunnel) in maps.IpCache())
        {
            if (!tunnel.IsNone && !prefix.IsSingleAddress)
            {
                rows.Add([prefix.ToString(), $"{tunnel} 0"]);
            }
        }

        return rows;
    }

    public static List<string[]> Programs(IEnumerable<AttachedProgram> programs, Func<int, string> interfaceName)
    {
        List<string[]> rows = [["TARGET", "DEVICE", "HOOK", "PROGRAM", "PROG ID", "LINK ID", "TAG"]];
        foreach (var program in programs)
        {
            var device = program.Ifindex == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{interfaceName(program.Ifindex)}({program.Ifindex})");
            rows.Add(
            [
                program.Target, device, program.Hook, program.Program, program.ProgramId.ToString(CultureInfo.InvariantCulture),
                program.LinkId.ToString(CultureInfo.InvariantCulture), program.Tag,
            ]);
        }

        return rows;
    }

    private static string Describe(EndpointRow row) => string.Create(
        CultureInfo.InvariantCulture,
        $"id={row.EndpointId,-5} sec_id={row.Identity,-5} flags=0x{(ushort)row.Flags:x4} ifindex={row.Ifindex,-3} mac={row.ContainerMac.ToString().ToUpperInvariant()} nodemac={row.HostMac.ToString().ToUpperInvariant()}");
}
