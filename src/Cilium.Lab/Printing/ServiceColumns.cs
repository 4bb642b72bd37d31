using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Printing;

/// <summary>How services and their endpoints print.</summary>
internal static class ServiceColumns
{
    public static readonly IReadOnlyList<TableColumn> All =
    [
        new("Name", (service, _) => service.Name()),
        new("Type", (service, _) => service.TextOr("ClusterIP", "spec", "type")),
        new("Cluster-IP", (service, _) => service.TextOr("<none>", "spec", "clusterIP")),
        new("External-IP", (service, _) => External(service)),
        new("Port(s)", (service, _) => Ports(service)),
        new("Age", (service, now) => AgeText.Of(service.Time("metadata", "creationTimestamp"), now)),
        new("Selector", (service, _) => BuiltInColumns.Pairs(service.Members("spec", "selector")), Wide: true),
    ];

    public static string EndpointsText(JsonObject endpoints)
    {
        var all = endpoints.Items("subsets").SelectMany(subset => subset.Items("addresses").SelectMany(address =>
            subset.Items("ports").Select(port => Join(address.TextOr("", "ip"), port.At("port").Display()))));
        return BuiltInColumns.Limited(all, "<none>");
    }

    private static string Join(string address, string port) =>
        address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:{port}" : $"{address}:{port}";

    private static string External(JsonObject service)
    {
        var type = service.TextOr("ClusterIP", "spec", "type");
        if (type == "ExternalName") return service.TextOr("<none>", "spec", "externalName");
        var addresses = service.Items("status", "loadBalancer", "ingress").Select(entry => entry.Text("ip") ?? entry.TextOr("", "hostname"))
            .Concat(service.Items("spec", "externalIPs").Select(item => item.Display())).ToList();
        if (addresses.Count > 0) return string.Join(",", addresses);
        return type == "LoadBalancer" ? "<pending>" : "<none>";
    }

    private static string Ports(JsonObject service)
    {
        var ports = service.Items("spec", "ports").Select(port => port.Number("nodePort") is { } nodePort and > 0
            ? $"{port.At("port").Display()}:{nodePort}/{port.Text("protocol")}"
            : $"{port.At("port").Display()}/{port.Text("protocol")}");
        return string.Join(",", ports) is { Length: > 0 } text ? text : "<none>";
    }
}
