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
        new WorkLoop(state, "dns", [BuiltInKinds.Services, BuiltInKinds.EndpointSlices], change => IsNamed(change) ? [Zone] : [], _ => Write()).RunAsync(cancel);

    // Of slices only those of services without an address of their own are in the zone; the others change with every pod.
    private bool IsNamed(StoreChange change) => change.Object.Key.Resource == BuiltInKinds.Services
        || (change.Object.Json.Labels().Text("kubernetes.io/service-name") is { } service && IsHeadless(service, change.Object.Key.Namespace));

    private bool IsHeadless(string service, string ns) => (state.Store.Get(BuiltInKinds.Services, ns, service)?.Json).Text("spec", "clusterIP") == "None";

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
            if (service is null || !IsHeadless(service, slice.Namespace())) continue;
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
