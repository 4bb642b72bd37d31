using System.Globalization;
using Cilium.Api;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary>What of the status is printed in full.</summary>
/// <param name="Addresses">Allocated addresses with their owners.</param>
/// <param name="Controllers">Controllers that do not fail, too.</param>
/// <param name="Nodes">The nodes of the cluster.</param>
/// <param name="Everything">The details of kube-proxy replacement and of the maps.</param>
internal readonly record struct StatusDetails(bool Addresses, bool Controllers, bool Nodes, bool Everything);

/// <summary>The status of the agent as text; the order of the rows is upstream's.</summary>
internal static class StatusText
{
    /// <summary>What does not work, in a few words; empty if everything does. Hubble only watches: traffic does not need it, and it has a row of its own.</summary>
    public static string Failure(StatusResponse status)
    {
        (string Name, string? State, string? Message)[] parts =
        [
            ("cilium", status.Cilium?.State, status.Cilium?.Msg), ("kubernetes", status.Kubernetes?.State, status.Kubernetes?.Msg),
            ("kvstore", status.Kvstore?.State, status.Kvstore?.Msg),
        ];
        foreach (var (name, state, message) in parts)
        {
            if (state is not null and not (StatusStates.Ok or StatusStates.Disabled or StatusStates.Warning))
            {
                return $"{name}: {message}";
            }
        }

        return status.Stale is { Count: > 0 } stale ? $"stale status: {string.Join(", ", stale.Keys)}" : "";
    }

    public static void Write(TextWriter writer, StatusResponse status, HealthStatusResponse? health, StatusDetails details)
    {
        var rows = new List<string[]>();
        void Row(string key, params string?[] values) => rows.Add([$"{key}:", string.Join("   ", values.Where(value => !string.IsNullOrEmpty(value)))]);

        Row("KVStore", status.Kvstore?.State ?? StatusStates.Disabled, status.Kvstore?.Msg);
        if (status.ContainerRuntime is { State: not null and not StatusStates.Disabled } runtime)
        {
            Row("ContainerRuntime", runtime.State, runtime.Msg);
        }

        if (status.Kubernetes is { } kubernetes)
        {
            Row("Kubernetes", kubernetes.State, kubernetes.Msg);
            if (kubernetes.State != StatusStates.Disabled)
            {
                Row("Kubernetes APIs", $"[{string.Join(", ", (kubernetes.K8sApiVersions ?? []).Order(StringComparer.Ordinal).Select(api => $"\"{api}\""))}]");
            }
        }

        if (status.KubeProxyReplacement is { } replacement)
        {
            Row("KubeProxyReplacement", replacement.Mode, Devices(replacement));
        }

        if (status.HostFirewall is { } firewall)
        {
            Row("Host firewall", firewall.Mode, firewall.Devices is { Count: > 0 } devices ? $"[{string.Join(", ", devices)}]" : "");
        }

        Row("SRv6", "Disabled");
        if (status.CniChaining is { } chaining)
        {
            Row("CNI Chaining", chaining.Mode);
        }

        if (status.CniFile is { } cni)
        {
            Row("CNI Config file", cni.Msg);
        }

        if (status.Cilium is { } cilium)
        {
            Row("Cilium", cilium.State, cilium.Msg);
        }

        if (status.Stale is { Count: > 0 } stale)
        {
            Row("Stale status", string.Join(", ", stale.Select(pair => $"{pair.Key} since {pair.Value}")));
        }

        Row("NodeMonitor", status.NodeMonitor is { } monitor ? Monitor(monitor) : "Disabled");
        Row("Cilium health daemon", status.Cluster?.CiliumHealth?.State ?? StatusStates.Disabled, status.Cluster?.CiliumHealth?.Msg);
        if (status.Ipam is { } ipam)
        {
            Row("IPAM", ipam.Status);
            if (details.Addresses)
            {
                rows.Add(["Allocated addresses:"]);
                rows.AddRange(Addresses(ipam));
            }
        }

        StatusNetworkText.Add(Row, status);
        var controllers = status.Controllers ?? [];
        var healthy = controllers.Count(controller => controller.Status?.ConsecutiveFailureCount is null or 0);
        Row("Controller Status", string.Create(CultureInfo.InvariantCulture, $"{healthy}/{controllers.Count} healthy"));
        WriteControllers(rows, controllers, details.Controllers);
        StatusNetworkText.AddTail(Row, status);
        var hasHealth = status.Cluster?.CiliumHealth is { State: not null and not StatusStates.Disabled };
        if (hasHealth)
        {
            Row("Cluster health", ClusterHealthText.Summary(health));
        }

        TextTable.Write(writer, [.. rows.Select(row => row.Length == 2 && row[1].Length == 0 ? [row[0]] : row)], spacing: 3);
        if (hasHealth && health is not null)
        {
            TextTable.Write(writer, ClusterHealthText.Nodes(health, details.Nodes), spacing: 3);
        }
        else if (details.Nodes && status.Cluster?.Nodes is { Count: > 0 } nodes)
        {
            TextTable.Write(writer, NodesOf(status.Cluster, nodes), spacing: 3);
        }

        if (details.Everything)
        {
            StatusVerboseText.Write(writer, status);
        }
    }

    /// <summary>The line about the event ring.</summary>
    public static string Monitor(MonitorStatus monitor) =>
        string.Create(CultureInfo.InvariantCulture, $"Listening for events on {monitor.Cpus} CPUs with {monitor.Npages}x{monitor.Pagesize} of shared memory");

    // Without probes there are names and addresses.
    private static IReadOnlyList<string[]> NodesOf(ClusterStatus cluster, IReadOnlyList<NodeElement> nodes) =>
    [
        ["  Name", "IP"],
        .. nodes.Select(node => new[]
        {
            $"  {node.Name}{(node.Name == cluster.Self ? " (localhost)" : "")}", node.PrimaryAddress?.Ipv4?.Ip ?? node.PrimaryAddress?.Ipv6?.Ip ?? "",
        }),
    ];

    private static string Devices(KubeProxyReplacement replacement)
    {
        if (replacement.DeviceList is not { Count: > 0 } devices)
        {
            return "";
        }

        var texts = devices.Select(device =>
            $"{device.Name}   {string.Join(' ', device.Ip ?? [])}{(device.Name == replacement.DirectRoutingDevice ? " (Direct Routing)" : "")}");
        return $"[{string.Join(", ", texts)}]";
    }

    private static IEnumerable<string[]> Addresses(IpamStatus ipam) =>
        (ipam.Allocations ?? new Dictionary<string, string>())
            .OrderBy(pair => Core.IpAddr.TryParse(pair.Key, out var address) ? address : default)
            .Select(pair => new[] { $"  {pair.Key} ({pair.Value})" });

    private static void WriteControllers(List<string[]> rows, IReadOnlyList<ControllerStatus> controllers, bool withHealthy)
    {
        var shown = controllers.Where(controller => withHealthy || controller.Status?.ConsecutiveFailureCount > 0).ToArray();
        if (shown.Length == 0)
        {
            return;
        }

        List<string[]> table = [["  Name", "Last success", "Last error", "Count", "Message"]];
        foreach (var controller in shown.OrderBy(controller => controller.Name, StringComparer.Ordinal))
        {
            var status = controller.Status;
            var message = status?.ConsecutiveFailureCount > 0 ? status.LastFailureMsg ?? "" : "no error";
            table.Add(
            [
                $"  {controller.Name}", Ago(status?.LastSuccessTimestamp), Ago(status?.LastFailureTimestamp),
                (status?.ConsecutiveFailureCount ?? 0).ToString(CultureInfo.InvariantCulture), message,
            ]);
        }

        using var text = new StringWriter();
        TextTable.Write(text, table, spacing: 3);
        rows.AddRange(text.ToString().TrimEnd('\n').Split('\n').Select(line => new[] { line }));
    }

    private static string Ago(DateTimeOffset? time) =>
        time is null || time.Value.Year < 2000 ? "never" : $"{Hubble.Client.StatusText.Duration(TimeProvider.System.GetUtcNow() - time.Value)} ago";
}
