using System.Net;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Admission;

/// <summary>Gives services their cluster addresses, families and node ports. Claimed is what is stored; a draft only proposes.</summary>
internal sealed class ServiceAdmission : IAdmission
{
    private const int FirstNodePort = 30000;
    private const int LastNodePort = 32767;
    private readonly Dictionary<string, AddressPool> pools;
    private readonly string defaultFamily;
    private readonly Dictionary<long, string> nodePorts = [];
    private int nextNodePort = FirstNodePort + 80;

    /// <param name="ranges">Service ranges; the family of the first is the default one.</param>
    public ServiceAdmission(IReadOnlyList<IPNetwork> ranges)
    {
        pools = ranges.ToDictionary(FamilyOf, range => new AddressPool(range));
        defaultFamily = FamilyOf(ranges[0]);
    }

    public void Complete(JsonObject draft, JsonObject? current)
    {
        var spec = draft.Ensure("spec");
        spec.Default("type", "ClusterIP");
        spec.Default("sessionAffinity", "None");
        if (spec.Text("sessionAffinity") == "ClientIP") spec.Ensure("sessionAffinityConfig", "clientIP").Default("timeoutSeconds", 10800);
        else spec.Remove("sessionAffinityConfig");
        foreach (var port in spec.Items("ports").OfType<JsonObject>())
        {
            port.Default("protocol", "TCP");
            if (port["targetPort"] is null && port["port"] is { } number) port["targetPort"] = number.DeepClone();
        }

        draft.Ensure("status", "loadBalancer");
        if (spec.Text("type") == "ExternalName") return;
        spec.Default("internalTrafficPolicy", "Cluster");
        if (spec.Text("type") is "NodePort" or "LoadBalancer") spec.Default("externalTrafficPolicy", "Cluster");
        if (spec.Text("type") == "LoadBalancer") spec.Default("allocateLoadBalancerNodePorts", true);
        if (current is not null) KeepAddresses(spec, current.Members("spec"));
        AssignFamilies(spec);
        AssignNodePorts(spec, current.Members("spec"));
        AssignHealthCheckPort(spec, current.Members("spec"));
    }

    /// <exception cref="ApiException">500: nothing is wrong with the draft, but no address or node port is left for it.</exception>
    public IEnumerable<(string Field, string Message)> Validate(JsonObject draft, JsonObject? current)
    {
        var causes = Causes(draft, current).ToList();
        if (causes.Count > 0) return causes;
        var spec = draft.Members("spec");
        if (spec.Text("type") != "ExternalName" && spec.Items("clusterIPs").Count() < spec.Items("ipFamilies").Count())
            throw ApiException.Internal("failed to allocate a serviceIP: range is full");
        if (WantsNodePorts(spec) && spec.Items("ports").Any(port => port.Number("nodePort") is null))
            throw ApiException.Internal("failed to allocate a nodePort: range is full");
        if (WantsHealthCheckPort(spec) && spec.Number("healthCheckNodePort") is null)
            throw ApiException.Internal("failed to allocate a healthCheckNodePort: range is full");
        return [];
    }

    private IEnumerable<(string Field, string Message)> Causes(JsonObject draft, JsonObject? current)
    {
        var spec = draft.Members("spec");
        var ports = spec.Items("ports").ToList();
        if (ports.Count == 0 && spec.Text("clusterIP") != "None" && spec.Text("type") != "ExternalName") yield return ("spec.ports", "Required value");
        for (var index = 0; index < ports.Count; index++)
        {
            if (ports[index].Number("port") is not (>= 1 and <= 65535))
                yield return ($"spec.ports[{index}].port", "Invalid value: must be between 1 and 65535, inclusive");
            if (ports.Count > 1 && ports[index].TextOr("", "name").Length == 0) yield return ($"spec.ports[{index}].name", "Required value");
        }

        foreach (var family in spec.Items("ipFamilies").Select(item => item.Display()))
        {
            if (!pools.ContainsKey(family)) yield return ("spec.ipFamilies[0]", $"Invalid value: \"{family}\": not configured on this cluster");
        }

        foreach (var duplicate in Duplicates(ports)) yield return duplicate;
        var owner = OwnerOf(draft);
        foreach (var address in Addresses(draft).Where(address => address != "None" && FamilyOf(address) is var family && pools.TryGetValue(family, out var pool) && !pool.IsFreeFor(address, owner)))
            yield return ("spec.clusterIPs", $"Invalid value: [\"{address}\"]: failed to allocate IP {address}: provided IP is already allocated or not in the range");
        for (var index = 0; index < ports.Count; index++)
        {
            if (WrongNodePort(ports[index].Number("nodePort"), owner) is { } wrong) yield return ($"spec.ports[{index}].nodePort", wrong);
        }

        var health = spec.Number("healthCheckNodePort");
        if (WrongNodePort(health, owner) is { } cause) yield return ("spec.healthCheckNodePort", cause);
        if (health is not null && ports.Any(port => port.Number("nodePort") == health))
            yield return ("spec.healthCheckNodePort", $"Invalid value: {health}: provided port is already allocated");
        if (current.Number("spec", "healthCheckNodePort") is { } checkedBefore && health is not null && health != checkedBefore)
            yield return ("spec.healthCheckNodePort", $"Invalid value: {health}: field is immutable");

        if (current.Text("spec", "clusterIP") is { Length: > 0 } before && spec.Text("type") != "ExternalName" && spec.Text("clusterIP") != before)
            yield return ("spec.clusterIPs[0]", $"Invalid value: [\"{spec.Text("clusterIP")}\"]: may not change once set");
    }

    private string? WrongNodePort(long? port, string owner) => port switch
    {
        null or 0 => null,
        < FirstNodePort or > LastNodePort => $"Invalid value: {port}: provided port is not in the valid range. The range of valid ports is {FirstNodePort}-{LastNodePort}",
        _ when nodePorts.GetValueOrDefault(port.Value, owner) != owner => $"Invalid value: {port}: provided port is already allocated",
        _ => null,
    };

    /// <summary>Ports of one number are told apart by their protocol, node ports too.</summary>
    private static IEnumerable<(string Field, string Message)> Duplicates(List<JsonNode> ports)
    {
        var seen = new HashSet<(string Protocol, long Port)>();
        var seenOnNodes = new HashSet<(string Protocol, long Port)>();
        for (var index = 0; index < ports.Count; index++)
        {
            var protocol = ports[index].TextOr("TCP", "protocol");
            if (ports[index].Number("port") is { } port && !seen.Add((protocol, port)))
                yield return ($"spec.ports[{index}]", $"Duplicate value: {{\"port\":{port},\"protocol\":\"{protocol}\"}}");
            if (ports[index].Number("nodePort") is { } nodePort and not 0 && !seenOnNodes.Add((protocol, nodePort)))
                yield return ($"spec.ports[{index}].nodePort", $"Duplicate value: {nodePort}");
        }
    }

    public void Committed(JsonObject? stored, JsonObject? previous)
    {
        if (previous is not null) Release(previous);
        if (stored is not null) Claim(stored);
    }

    private void Release(JsonObject service)
    {
        var owner = OwnerOf(service);
        foreach (var address in Addresses(service))
        {
            foreach (var pool in pools.Values) pool.Release(address, owner);
        }

        foreach (var port in NodePorts(service).Where(port => nodePorts.GetValueOrDefault(port) == owner)) nodePorts.Remove(port);
    }

    private void Claim(JsonObject service)
    {
        var owner = OwnerOf(service);
        foreach (var address in Addresses(service))
        {
            foreach (var pool in pools.Values) pool.Claim(address, owner);
        }

        foreach (var port in NodePorts(service)) nodePorts.TryAdd(port, owner);
    }

    private static string OwnerOf(JsonObject service) => $"{service.Namespace()}/{service.Name()}";

    private static IEnumerable<string> Addresses(JsonObject? service) => service.Items("spec", "clusterIPs").Select(item => item.Display());

    private static IEnumerable<long> NodePorts(JsonObject? service) =>
        service.Items("spec", "ports").Select(port => port.Number("nodePort") ?? 0).Append(service.Number("spec", "healthCheckNodePort") ?? 0).Where(port => port != 0);

    private static void KeepAddresses(JsonObject spec, JsonObject? before)
    {
        foreach (var name in (ReadOnlySpan<string>)["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"])
        {
            if (spec[name] is null && before?[name] is { } value) spec[name] = value.DeepClone();
        }
    }

    private void AssignFamilies(JsonObject spec)
    {
        var requested = spec.Items("clusterIPs").Select(item => item.Display()).ToList();
        if (spec.Text("clusterIP") is { Length: > 0 } single && requested.Count == 0) requested.Add(single);
        var headless = requested is ["None"];
        var families = spec.Items("ipFamilies").Select(item => item.Display()).ToList();
        if (families.Count == 0)
        {
            families = headless ? [] : [.. requested.Select(FamilyOf)];
            if (families.Count == 0) families.Add(defaultFamily);
        }

        spec.Default("ipFamilyPolicy", families.Count > 1 ? "RequireDualStack" : "SingleStack");
        if (spec.Text("ipFamilyPolicy") is "PreferDualStack" or "RequireDualStack" && families.Count == 1)
            families.AddRange(pools.Keys.Where(family => family != families[0]));
        if (spec.Text("ipFamilyPolicy") == "SingleStack") families = [families[0]];
        families = [.. families.Where(family => pools.ContainsKey(family) || families.Count == 1)];
        spec["ipFamilies"] = families.ToJsonTexts();
        if (headless)
        {
            spec["clusterIP"] = "None";
            spec["clusterIPs"] = new JsonArray("None");
            return;
        }

        var addresses = new List<string>();
        for (var index = 0; index < families.Count; index++)
        {
            if (!pools.TryGetValue(families[index], out var pool)) continue;
            var wanted = requested.ElementAtOrDefault(index);
            if (wanted is not { Length: > 0 }) wanted = pool.FindFree();
            if (wanted is not null) addresses.Add(wanted);
        }

        spec["clusterIPs"] = addresses.ToJsonTexts();
        if (addresses.Count > 0) spec["clusterIP"] = addresses[0];
    }

    private void AssignNodePorts(JsonObject spec, JsonObject? before)
    {
        var wants = WantsNodePorts(spec);
        var proposed = spec.Items("ports").Select(port => port.Number("nodePort") ?? 0).Append(spec.Number("healthCheckNodePort") ?? 0).ToHashSet();
        foreach (var port in spec.Items("ports").OfType<JsonObject>())
        {
            if (!wants)
            {
                port.Remove("nodePort");
                continue;
            }

            if (port.Number("nodePort") is not (null or 0)) continue;
            var same = before.Items("ports").FirstOrDefault(old => JsonAccess.Same(old["port"], port["port"]) && old.Text("protocol") == port.Text("protocol"));
            if ((same.Number("nodePort") ?? FindNodePort(proposed)) is not { } found)
            {
                port.Remove("nodePort");
                continue;
            }

            proposed.Add(found);
            port["nodePort"] = found;
        }
    }

    /// <summary>The port at which nodes say whether they have backends, for load balancers of services whose external traffic stays local.</summary>
    private void AssignHealthCheckPort(JsonObject spec, JsonObject? before)
    {
        if (!WantsHealthCheckPort(spec))
        {
            spec.Remove("healthCheckNodePort");
            return;
        }

        if (spec.Number("healthCheckNodePort") is not (null or 0)) return;
        spec.Remove("healthCheckNodePort");
        var proposed = spec.Items("ports").Select(port => port.Number("nodePort") ?? 0).ToHashSet();
        if ((before.Number("healthCheckNodePort") ?? FindNodePort(proposed)) is { } found) spec["healthCheckNodePort"] = found;
    }

    private static bool WantsHealthCheckPort(JsonObject? spec) => spec.Text("type") == "LoadBalancer" && spec.Text("externalTrafficPolicy") == "Local";

    private static bool WantsNodePorts(JsonObject? spec) =>
        spec.Text("type") == "NodePort" || (spec.Text("type") == "LoadBalancer" && spec.Flag("allocateLoadBalancerNodePorts"));

    /// <summary>A port nobody has, or null when all are taken.</summary>
    private long? FindNodePort(HashSet<long> proposed)
    {
        for (var tries = FirstNodePort; tries <= LastNodePort; tries++)
        {
            if (!nodePorts.ContainsKey(nextNodePort) && !proposed.Contains(nextNodePort)) return nextNodePort;
            nextNodePort = nextNodePort >= LastNodePort ? FirstNodePort : nextNodePort + 1;
        }

        return null;
    }

    private static string FamilyOf(IPNetwork range) => FamilyOf(range.BaseAddress.ToString());

    private static string FamilyOf(string address) => address.Contains(':', StringComparison.Ordinal) ? "IPv6" : "IPv4";
}
