using System.Text.Json;
using Cilium.Core;
using Cilium.Kubernetes.Wire;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Decodes the objects of Kubernetes itself.</summary>
internal static class CoreDecoders
{
    private const string MirrorAnnotation = "kubernetes.io/config.mirror";

    public static PodRow? Pod(ReadOnlySpan<byte> json)
    {
        var pod = JsonSerializer.Deserialize(json, WireJson.Default.PodWire);
        if (pod?.Metadata is not { Name: { } name, Namespace: { } inNamespace } metadata)
        {
            return null;
        }

        var (kind, workload) = Workload(metadata);
        return new PodRow
        {
            Namespace = inNamespace,
            Name = name,
            Uid = metadata.Uid ?? "",
            StaticUid = metadata.Annotations?.GetValueOrDefault(MirrorAnnotation) ?? "",
            NodeName = pod.Spec?.NodeName ?? "",
            Phase = pod.Status?.Phase ?? "",
            PodIPs = Fields.Addresses(pod.Status?.PodIPs is { Count: > 0 } ips ? ips.Select(ip => ip.Ip) : [pod.Status?.PodIP]),
            HostIPs = Fields.Addresses(pod.Status?.HostIPs is { Count: > 0 } hosts ? hosts.Select(ip => ip.Ip) : [pod.Status?.HostIP]),
            HostNetwork = pod.Spec?.HostNetwork ?? false,
            Labels = Fields.Labels(metadata),
            Annotations = Fields.Annotations(metadata),
            ServiceAccount = pod.Spec?.ServiceAccountName is { Length: > 0 } account ? account : "default",
            Ports = Ports(pod.Spec),
            IsTerminating = metadata.DeletionTimestamp is not null,
            WorkloadKind = kind,
            WorkloadName = workload,
        };
    }

    public static NamespaceRow? Namespace(ReadOnlySpan<byte> json)
    {
        var decoded = JsonSerializer.Deserialize(json, WireJson.Default.NamespaceWire);
        return decoded?.Metadata is not { Name: { } name } metadata ? null : new NamespaceRow
        {
            Name = name,
            Uid = metadata.Uid ?? "",
            Labels = Fields.Labels(metadata),
            Annotations = Fields.Annotations(metadata),
            IsTerminating = metadata.DeletionTimestamp is not null,
        };
    }

    public static KubeNodeRow? Node(ReadOnlySpan<byte> json)
    {
        var node = JsonSerializer.Deserialize(json, WireJson.Default.NodeWire);
        if (node?.Metadata is not { Name: { } name } metadata)
        {
            return null;
        }

        var addresses = new List<NodeAddress>();
        foreach (var address in node.Status?.Addresses ?? [])
        {
            if (IpAddr.TryParse(address.Address, out var ip))
            {
                addresses.Add(new NodeAddress(address.Type ?? "", ip));
            }
        }

        return new KubeNodeRow
        {
            Name = name,
            Uid = metadata.Uid ?? "",
            Addresses = addresses.ToEquatableArray(),
            PodCidrs = Fields.Prefixes(node.Spec?.PodCIDRs is { Count: > 0 } cidrs ? cidrs : [node.Spec?.PodCIDR ?? ""]),
            Labels = Fields.Labels(metadata),
            Annotations = Fields.Annotations(metadata),
            Taints = (node.Spec?.Taints ?? []).Select(taint => new Taint(taint.Key ?? "", taint.Value ?? "", taint.Effect ?? "")).ToEquatableArray(),
            NetworkIsUp = (node.Status?.Conditions ?? []).Exists(condition =>
                condition is { Type: "NetworkUnavailable", Status: "False", Reason: "CiliumIsUp" }),
            IsTerminating = metadata.DeletionTimestamp is not null,
        };
    }

    private static EquatableArray<ContainerPort> Ports(PodSpecWire? spec)
    {
        var ports = new List<ContainerPort>();
        foreach (var container in (spec?.Containers ?? []).Concat(spec?.InitContainers ?? []))
        {
            foreach (var port in container.Ports ?? [])
            {
                if (Fields.TryPort(port.ContainerPort, out var number))
                {
                    Fields.TryPort(port.HostPort, out var hostPort);
                    ports.Add(new ContainerPort(port.Name ?? "", number, Fields.Protocol(port.Protocol), hostPort));
                }
            }
        }

        return ports.ToEquatableArray();
    }

    /// <summary>The controller of the pod, and past the two kinds that are made by another one.</summary>
    private static (string Kind, string Name) Workload(MetaWire metadata)
    {
        var owner = metadata.OwnerReferences?.Find(reference => reference.Controller == true);
        if (owner is not { Kind: { } kind, Name: { } name })
        {
            return ("", "");
        }

        if (kind == "ReplicaSet"
            && metadata.Labels is not null
            && metadata.Labels.TryGetValue("pod-template-hash", out var hash)
            && name.EndsWith("-" + hash, StringComparison.Ordinal))
        {
            return ("Deployment", name[..^(hash.Length + 1)]);
        }

        // A CronJob names its Jobs <name>-<minutes since 1970>, eight digits in this century.
        var dash = name.LastIndexOf('-');
        if (kind == "Job" && dash > 0 && name.Length - dash - 1 >= 8 && !name.AsSpan(dash + 1).ContainsAnyExceptInRange('0', '9'))
        {
            return ("CronJob", name[..dash]);
        }

        return (kind, name);
    }
}
