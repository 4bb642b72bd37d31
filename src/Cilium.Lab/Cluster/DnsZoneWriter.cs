using System.Text;
using Cilium.Lab.Controllers;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Cluster;

/// <summary>Writes the names of services, with their addresses, into the file the cluster's DNS servers read.</summary>
internal sealed class DnsZoneWriter(ClusterState state, string zoneFile)
{
    private static readonly ObjectKey Zone = new(BuiltInKinds.Services, "", "zone");

    public Task RunAsync(CancellationToken cancel) =>
        new WorkLoop(state, "dns", [BuiltInKinds.Services, BuiltInKinds.EndpointSlices], _ => [Zone], _ => Write()).RunAsync(cancel);

    private void Write()
    {
        var names = new SortedDictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var service in state.Store.All(BuiltInKinds.Services))
        {
            if (service.Text("spec", "clusterIP") is null or "None") continue;
            names[NameOf(service.Name(), service.Namespace())] = [.. service.Items("spec", "clusterIPs").Select(ip => ip.Display())];
        }

        foreach (var slice in state.Store.All(BuiltInKinds.EndpointSlices))
        {
            var service = slice.Labels().Text("kubernetes.io/service-name");
            if (service is null || (state.Store.Get(BuiltInKinds.Services, slice.Namespace(), service)?.Json).Text("spec", "clusterIP") != "None") continue;
            var name = NameOf(service, slice.Namespace());
            foreach (var endpoint in slice.Items("endpoints").Where(endpoint => endpoint.Flag("conditions", "ready")))
            {
                var addresses = endpoint.Items("addresses").Select(address => address.Display()).ToList();
                Add(names, name, addresses);
                if (endpoint.Text("hostname") is { Length: > 0 } host) Add(names, $"{host}.{name}", addresses);
            }
        }

        var text = new StringBuilder();
        foreach (var (name, addresses) in names) text.Append(name).Append(' ').AppendJoin(' ', addresses).Append('\n');
        var draft = zoneFile + ".new";
        File.WriteAllText(draft, text.ToString());
        File.Move(draft, zoneFile, overwrite: true);
    }

    private static void Add(SortedDictionary<string, List<string>> names, string name, List<string> addresses)
    {
        if (!names.TryGetValue(name, out var present)) names[name] = present = [];
        present.AddRange(addresses);
    }

    private static string NameOf(string service, string ns) => $"{service}.{ns}.svc.{Workloads.DnsZone.Suffix}";
}
