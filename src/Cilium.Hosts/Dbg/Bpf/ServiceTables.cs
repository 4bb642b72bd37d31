using System.CommandLine;
using System.Globalization;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.LoadBalancing;
using Cilium.Hosts.Dbg.Output;

namespace Cilium.Hosts.Dbg.Bpf;

/// <summary><c>bpf lb list</c> with its variants.</summary>
internal static class ServiceTables
{
    public static Command List(AgentOptions agent)
    {
        var frontends = new Option<bool>("--frontends") { Description = "List all service frontend entries." };
        var backends = new Option<bool>("--backends") { Description = "List all service backend entries." };
        var revnat = new Option<bool>("--revnat") { Description = "List reverse NAT entries." };
        var ranges = new Option<bool>("--source-ranges") { Description = "List all source range entries." };
        var output = OutputFormat.Option();
        var command = new Command("list", "List load-balancing configuration") { frontends, backends, revnat, ranges, output };
        command.Aliases.Add("ls");
        command.SetAction((arguments, cancellationToken) => BpfCommands.WithMaps(agent, arguments, maps =>
        {
            var services = maps.Services().ToList();
            var rows = arguments.GetValue(ranges) ? SourceRanges(maps.SourceRanges())
                : arguments.GetValue(frontends) ? Frontends(services)
                : arguments.GetValue(backends) ? Backends(services)
                : arguments.GetValue(revnat) ? RevNat(services)
                : Services(services);
            BpfCommands.Print(arguments, output, rows);
        }, cancellationToken));
        return command;
    }

    /// <summary>A row for each frontend (slot 0) and for each of its backends.</summary>
    public static List<string[]> Services(IEnumerable<ServiceEntry> services)
    {
        List<string[]> rows = [["SERVICE ADDRESS", "BACKEND ADDRESS (REVNAT_ID) (SLOT)"]];
        foreach (var service in services)
        {
            var none = service.Frontend.Address.IsIPv4 ? "0.0.0.0:0" : "[::]:0";
            rows.Add([Slot(service.Frontend, 0), string.Create(CultureInfo.InvariantCulture, $"{none} ({service.Id}) (0) [{Flags(service.Flags)}]")]);
            var slot = 1;
            foreach (var backend in service.Backends)
            {
                rows.Add([Slot(service.Frontend, slot), string.Create(CultureInfo.InvariantCulture, $"{backend.Address} ({service.Id}) ({slot})")]);
                slot++;
            }
        }

        return rows;
    }

    /// <summary>A row for each range of sources, with the number of its service.</summary>
    public static List<string[]> SourceRanges(IEnumerable<(uint ServiceId, Core.Prefix Range)> ranges)
    {
        List<string[]> rows = [["SOURCE RANGE (REVNAT_ID)"]];
        rows.AddRange(ranges.Select(entry => new[] { string.Create(CultureInfo.InvariantCulture, $"{entry.Range} ({entry.ServiceId})") }));
        return rows;
    }

    private static List<string[]> Frontends(IEnumerable<ServiceEntry> services)
    {
        List<string[]> rows = [["SERVICE ADDRESS", "BACKEND ID"]];
        rows.AddRange(services.Select(service => new[] { service.Frontend.ToString(), string.Join(',', service.Backends.Select(backend => backend.Id)) }));
        return rows;
    }

    private static List<string[]> Backends(IEnumerable<ServiceEntry> services)
    {
        List<string[]> rows = [["ID", "BACKEND ADDRESS"]];
        rows.AddRange(services.SelectMany(service => service.Backends).DistinctBy(backend => backend.Id).OrderBy(backend => backend.Id)
            .Select(backend => new[] { backend.Id.ToString(CultureInfo.InvariantCulture), backend.Address.ToString() }));
        return rows;
    }

    private static List<string[]> RevNat(IEnumerable<ServiceEntry> services)
    {
        List<string[]> rows = [["ID", "BACKEND ADDRESS (REVNAT_ID) (SLOT)"]];
        rows.AddRange(services.Where(service => service.HasReverse)
            .Select(service => new[] { service.Id.ToString(CultureInfo.InvariantCulture), service.Frontend.ToString() }));
        return rows;
    }

    private static string Slot(L4Address frontend, int slot) => string.Create(CultureInfo.InvariantCulture, $"{frontend} ({slot})");

    private static string Flags(FrontendFlags flags)
    {
        var kind = flags switch
        {
            _ when flags.HasFlag(FrontendFlags.LoadBalancer) => "LoadBalancer",
            _ when flags.HasFlag(FrontendFlags.NodePort) => "NodePort",
            _ when flags.HasFlag(FrontendFlags.ExternalIP) => "ExternalIPs",
            _ => "ClusterIP",
        };
        // The words and their order are upstream's (pkg/loadbalancer).
        List<string> words = [kind];
        if (flags.HasFlag(FrontendFlags.ExternalLocal))
            words.Add("Local");
        if (flags.HasFlag(FrontendFlags.Affinity))
            words.Add("sessionAffinity");
        if (!flags.HasFlag(FrontendFlags.Routable))
            words.Add("non-routable");
        if (flags.HasFlag(FrontendFlags.SourceRange))
            words.Add("check source-range");
        return string.Join(", ", words);
    }
}
