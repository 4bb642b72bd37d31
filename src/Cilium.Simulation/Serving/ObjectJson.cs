using System.Text.Json.Nodes;
using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Decoding;

namespace Cilium.Simulation.Serving;

/// <summary>Rows as the objects that an API server takes: what is written here is what the agents' decoders read.</summary>
internal static class ObjectJson
{
    /// <summary>A namespace.</summary>
    public static JsonObject Of(NamespaceRow row) => new() { ["metadata"] = Metadata("", row.Name, row.Labels, row.Annotations) };

    /// <summary>A node as its kubelet registers it, with the taint that keeps pods away until the agent is ready.</summary>
    public static JsonObject Of(KubeNodeRow row) => new()
    {
        ["metadata"] = Metadata("", row.Name, row.Labels, row.Annotations),
        ["spec"] = new JsonObject { ["taints"] = new JsonArray(new JsonObject { ["key"] = NodeStatusWriter.AgentNotReadyTaint, ["effect"] = "NoExecute" }) },
        ["status"] = new JsonObject
        {
            ["addresses"] = ArrayOf(row.Addresses, address => new JsonObject { ["type"] = address.Type, ["address"] = address.Address.ToString() }),
        },
    };

    /// <summary>A pod bound to a node, before it has addresses.</summary>
    public static JsonObject Of(PodRow row) => new()
    {
        ["metadata"] = Metadata(row.Namespace, row.Name, row.Labels, row.Annotations),
        ["spec"] = new JsonObject
        {
            ["nodeName"] = row.NodeName,
            ["serviceAccountName"] = row.ServiceAccount,
            ["containers"] = new JsonArray(new JsonObject
            {
                ["name"] = "c",
                ["image"] = "server",
                ["ports"] = ArrayOf(row.Ports, port => new JsonObject
                {
                    ["name"] = port.Name.Length > 0 ? port.Name : null,
                    ["containerPort"] = port.Port,
                    ["protocol"] = Fields.ProtocolText(port.Protocol),
                    ["hostPort"] = port.HostPort > 0 ? port.HostPort : null,
                }),
            }),
        },
    };

    /// <summary>The status that a kubelet writes when a pod runs.</summary>
    public static JsonObject RunningStatus(PodRow row, IpAddr node) => new()
    {
        ["status"] = new JsonObject
        {
            ["phase"] = "Running",
            ["hostIP"] = node.ToString(),
            ["podIP"] = row.PodIPs[0].ToString(),
            ["podIPs"] = ArrayOf(row.PodIPs, address => new JsonObject { ["ip"] = address.ToString() }),
        },
    };

    /// <summary>A service with the cluster addresses that it has.</summary>
    public static JsonObject Of(ServiceRow row) => new()
    {
        ["metadata"] = Metadata(row.Namespace, row.Name, row.Labels, row.Annotations),
        ["spec"] = new JsonObject
        {
            ["type"] = row.Type,
            ["clusterIP"] = row.IsHeadless ? "None" : row.ClusterIPs.Count > 0 ? row.ClusterIPs[0].ToString() : null,
            ["clusterIPs"] = row.ClusterIPs.Count > 0 ? Texts(row.ClusterIPs) : null,
            ["externalIPs"] = row.ExternalIPs.Count > 0 ? Texts(row.ExternalIPs) : null,
            ["selector"] = row.Selector.Count > 0 ? Map(row.Selector) : null,
            ["ports"] = ArrayOf(row.Ports, port => new JsonObject
            {
                ["name"] = port.Name.Length > 0 ? port.Name : null,
                ["protocol"] = Fields.ProtocolText(port.Protocol),
                ["port"] = port.Port,
                ["targetPort"] = ushort.TryParse(port.TargetPort, out var number) ? number : port.TargetPort,
                ["nodePort"] = port.NodePort > 0 ? port.NodePort : null,
            }),
            ["sessionAffinity"] = row.SessionAffinity > TimeSpan.Zero ? "ClientIP" : null,
            ["sessionAffinityConfig"] = row.SessionAffinity > TimeSpan.Zero
                ? new JsonObject { ["clientIP"] = new JsonObject { ["timeoutSeconds"] = (int)row.SessionAffinity.TotalSeconds } }
                : null,
            ["externalTrafficPolicy"] = row.ExternalTrafficIsLocal ? "Local" : null,
            ["internalTrafficPolicy"] = row.InternalTrafficIsLocal ? "Local" : null,
            ["publishNotReadyAddresses"] = row.PublishNotReadyAddresses ? true : null,
            ["loadBalancerClass"] = row.LoadBalancerClass.Length > 0 ? row.LoadBalancerClass : null,
            ["loadBalancerSourceRanges"] = row.SourceRanges.Count > 0 ? Texts(row.SourceRanges) : null,
        },
    };

    /// <summary>A slice, whose endpoints are all of one family.</summary>
    public static JsonObject Of(EndpointSliceRow row)
    {
        var metadata = Metadata(row.Namespace, row.Name, StringMap.Empty, StringMap.Empty);
        metadata["labels"] = new JsonObject { ["kubernetes.io/service-name"] = row.ServiceName };
        return new JsonObject
        {
            ["metadata"] = metadata,
            ["addressType"] = row.Endpoints.SelectMany(endpoint => endpoint.Addresses).FirstOrDefault().IsIPv4 ? "IPv4" : "IPv6",
            ["ports"] = ArrayOf(row.Ports, port => new JsonObject
            {
                ["name"] = port.Name.Length > 0 ? port.Name : null,
                ["protocol"] = Fields.ProtocolText(port.Protocol),
                ["port"] = port.Port,
            }),
            ["endpoints"] = ArrayOf(row.Endpoints, endpoint => new JsonObject
            {
                ["addresses"] = Texts(endpoint.Addresses),
                ["conditions"] = new JsonObject { ["ready"] = endpoint.IsReady, ["serving"] = endpoint.IsServing, ["terminating"] = endpoint.IsTerminating },
                ["nodeName"] = endpoint.NodeName.Length > 0 ? endpoint.NodeName : null,
                ["targetRef"] = endpoint.PodName.Length > 0 ? new JsonObject { ["kind"] = "Pod", ["name"] = endpoint.PodName } : null,
            }),
        };
    }

    /// <summary>A policy, which its row keeps as it was written.</summary>
    public static JsonObject Of(PolicyObjectRow row) => (JsonObject)JsonNode.Parse(row.Json.AsSpan())!;

    /// <summary>A pool of load balancer addresses.</summary>
    public static JsonObject Pool(string name, IEnumerable<Prefix> blocks) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = name },
        ["spec"] = new JsonObject { ["blocks"] = ArrayOf(blocks, block => new JsonObject { ["cidr"] = block.ToString() }) },
    };

    private static JsonObject Metadata(string inNamespace, string name, StringMap labels, StringMap annotations)
    {
        var metadata = new JsonObject { ["name"] = name };
        if (inNamespace.Length > 0)
            metadata["namespace"] = inNamespace;
        if (labels.Count > 0)
            metadata["labels"] = Map(labels);
        if (annotations.Count > 0)
            metadata["annotations"] = Map(annotations);
        return metadata;
    }

    private static JsonObject Map(StringMap map)
    {
        var result = new JsonObject();
        foreach (var (key, value) in map)
            result[key] = value;
        return result;
    }

    private static JsonArray Texts<T>(IEnumerable<T> items)
        where T : struct => ArrayOf(items, item => JsonValue.Create(item.ToString()));

    private static JsonArray ArrayOf<T>(IEnumerable<T> items, Func<T, JsonNode?> make)
    {
        var result = new JsonArray();
        foreach (var item in items)
            result.Add(make(item));
        return result;
    }
}
