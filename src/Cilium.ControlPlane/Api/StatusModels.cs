using System.Globalization;
using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.ControlPlane.Api;

/// <summary>The agent's state in the models' words.</summary>
internal static class StatusModels
{
    /// <summary>The answer to <c>GET /healthz</c>; the brief one has only what decides between well and ill.</summary>
    public static StatusResponse Of(AgentContext agent, bool brief)
    {
        var away = agent.Connection.UnreachableReason;
        var status = new StatusResponse
        {
            Cilium = new Status
            {
                State = agent.Readiness.IsReady ? StatusStates.Ok : StatusStates.Failure,
                Msg = agent.Readiness.IsReady ? Version : agent.Readiness.Phase,
            },
            Kubernetes = new K8sStatus
            {
                State = away is null ? StatusStates.Ok : StatusStates.Failure,
                Msg = away ?? agent.Connection.Server.ToString(),
                K8sApiVersions =
                [
                    "EndpointSlice", "cilium/v2::CiliumClusterwideNetworkPolicy", "cilium/v2::CiliumEndpoint", "cilium/v2::CiliumNetworkPolicy",
                    "cilium/v2::CiliumNode", "core/v1::Namespace", "core/v1::Pods", "core/v1::Service", "networking.k8s.io/v1::NetworkPolicy",
                ],
            },
        };
        return brief ? status : AddDetail(status, agent);
    }

    /// <summary>The version as <c>cilium-dbg status</c> shows it.</summary>
    public static string Version { get; } =
        $"{typeof(StatusModels).Assembly.GetName().Version?.ToString(3) ?? "0"} (.NET {Environment.Version})";

    /// <summary>The addresses with their owners.</summary>
    public static IpamStatus IpamOf(AgentContext agent)
    {
        var leases = agent.Ipam.Snapshot();
        return new IpamStatus
        {
            Status = PoolText(agent.Ipam.Pools, true) + PoolText(agent.Ipam.Pools, false),
            Ipv4 = [.. leases.Where(lease => lease.Address.IsIPv4).Select(lease => lease.Address.ToString())],
            Ipv6 = [.. leases.Where(lease => !lease.Address.IsIPv4).Select(lease => lease.Address.ToString())],
            Allocations = leases.ToDictionary(lease => lease.Address.ToString(), lease => OwnerOf(agent, lease)),
        };
    }

    private static string OwnerOf(AgentContext agent, AddressLease lease) =>
        agent.Tables.Endpoints.Snapshot().Values.Any(row => row.IsRestored && row.Owner == lease.Owner) ? $"{lease.Owner} [restored]" : lease.Owner;

    // One pool per family is told as upstream tells it; where there are several, each has its name.
    private static string PoolText(IReadOnlyList<PoolUsage> pools, bool isIPv4)
    {
        var family = pools.Where(pool => pool.IsIPv4 == isIPv4).ToList();
        var isNamed = family.Count > 1 || family.Exists(pool => pool.Pool != PoolNames.Default);
        return string.Concat(family.Select(pool => string.Create(
            CultureInfo.InvariantCulture,
            $"{(isIPv4 ? "IPv4" : "IPv6")}: {pool.Used}/{pool.Capacity} allocated{(pool.Ranges.Count == 0 ? "" : $" from {(isNamed ? $"pool {pool.Pool}: " : "")}{string.Join(", ", pool.Ranges)}")}, ")));
    }

    private static StatusResponse AddDetail(StatusResponse status, AgentContext agent)
    {
        var options = agent.Options;
        var datapath = options.Datapath;
        agent.Tables.LocalNode.TryGet(options.NodeName, out var self);
        return status with
        {
            Kvstore = new Status { State = StatusStates.Disabled },
            ContainerRuntime = new Status { State = StatusStates.Disabled },
            KubeProxyReplacement = KubeProxyReplacementModels.Of(agent, self),
            HostFirewall = new HostFirewall { Mode = "Disabled" },
            CniChaining = new CniChainingStatus { Mode = "none" },
            CniFile = CniFileOf(options),
            NodeMonitor = new MonitorStatus { Cpus = Environment.ProcessorCount, Npages = 64, Pagesize = Environment.SystemPageSize },
            Cluster = new ClusterStatus
            {
                CiliumHealth = new Status { State = options.EnableHealthChecking ? StatusStates.Ok : StatusStates.Disabled },
                Nodes = NodeAddressingModels.All(agent),
                Self = $"{options.ClusterName}/{options.NodeName}",
            },
            Ipam = IpamOf(agent),
            Routing = new RoutingStatus
            {
                IntraHostRoutingMode = "BPF",
                InterHostRoutingMode = datapath.EnableTunnel ? "Tunnel" : "Native",
                TunnelProtocol = datapath.EnableTunnel ? "vxlan" : "",
            },
            AttachMode = datapath.EnableTcx ? "tcx" : "tc",
            DatapathMode = "veth",
            Masquerading = MasqueradingOf(datapath, self?.PodPrefixes ?? default),
            ClockSource = new ClockSource { Mode = "ktime" },
            Controllers = [.. agent.Loops.OrderBy(loop => loop.Key, StringComparer.Ordinal).Select(loop => ControllerOf(agent, loop))],
            Proxy = new ProxyStatus { PortRange = "", TotalRedirects = 0, EnvoyDeploymentMode = "disabled" },
            IdentityRange = new IdentityRange { MinIdentity = Identity.MinimumAllocated, MaxIdentity = Identity.MaximumAllocated },
            Hubble = agent.Hubble?.Invoke() ?? new HubbleStatus { State = StatusStates.Disabled },
            Encryption = new EncryptionStatus { Mode = "Disabled" },
            BandwidthManager = new BandwidthStatus { Enabled = false },
            BpfMaps = new BpfMapStatus
            {
                DynamicSizeRatio = options.MapSizing.Ratio,
                Maps =
                [
                    new BpfMapProperties { Name = "Connection tracking", Size = datapath.ConntrackEntries },
                    new BpfMapProperties { Name = "NAT", Size = datapath.SnatEntries },
                    new BpfMapProperties { Name = "Sock reverse NAT", Size = datapath.SocketRevNatEntries },
                    new BpfMapProperties { Name = "Endpoint policy", Size = datapath.PolicyEntries },
                    new BpfMapProperties { Name = "Service", Size = datapath.LoadBalancingEntries },
                ],
            },
            Stale = new Dictionary<string, string>(),
        };
    }

    private static Status CniFileOf(AgentOptions options)
    {
        if (!options.WritesCniConfiguration)
        {
            return new Status { State = StatusStates.Disabled, Msg = "not managed" };
        }

        var path = Path.Combine(options.CniConfigurationDirectory, "05-cilium.conflist");
        return File.Exists(path)
            ? new Status { State = StatusStates.Ok, Msg = $"successfully wrote CNI configuration file to {path}" }
            : new Status { State = StatusStates.Warning, Msg = $"{path} is not written yet" };
    }

    private static MasqueradingStatus MasqueradingOf(Datapath.DatapathOptions datapath, EquatableArray<Prefix> podPrefixes)
    {
        var ipv4 = datapath.EnableIPv4 && datapath.EnableIPv4Masquerade;
        var ipv6 = datapath.EnableIPv6 && datapath.EnableIPv6Masquerade;
        var excluded = datapath.NativeRoutingPrefixes.Concat(podPrefixes).ToList();
        return new MasqueradingStatus
        {
            Mode = "BPF",
            Enabled = ipv4 || ipv6,
            EnabledProtocols = new FamilySwitches { Ipv4 = ipv4, Ipv6 = ipv6 },
            SnatExclusionCidrV4 = ipv4 && excluded.Exists(prefix => prefix.IsIPv4) ? excluded.First(prefix => prefix.IsIPv4).ToString() : null,
            SnatExclusionCidrV6 = ipv6 && excluded.Exists(prefix => !prefix.IsIPv4) ? excluded.First(prefix => !prefix.IsIPv4).ToString() : null,
        };
    }

    private static ControllerStatus ControllerOf(AgentContext agent, KeyValuePair<string, DateTimeOffset> loop)
    {
        var failure = agent.Failures.TryGetValue(loop.Key, out var find) ? find() : null;
        return new ControllerStatus
        {
            Name = loop.Key,
            Configuration = new ControllerConfiguration { ErrorRetry = true },
            Status = new ControllerRuns
            {
                SuccessCount = 1,
                LastSuccessTimestamp = loop.Value,
                ConsecutiveFailureCount = failure?.Attempts ?? 0,
                FailureCount = failure?.Attempts ?? 0,
                LastFailureMsg = failure?.Message,
                LastFailureTimestamp = failure?.At,
            },
        };
    }
}
