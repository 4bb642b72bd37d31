using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cilium.ControlPlane.Api;

/// <summary>healthz, config, cluster/nodes, metrics.</summary>
internal static class StatusRoutes
{
    public static void Map(IEndpointRouteBuilder routes, AgentContext agent)
    {
        routes.MapGet("/v1/healthz", context => Health(context, agent));
        routes.MapGet("/v1/config", context => context.AnswerAsync(ConfigurationOf(agent), ApiJson.Default.DaemonConfiguration));
        routes.MapPatch("/v1/config", context => context.FailAsync(StatusCodes.Status501NotImplemented, "no option can be changed while the agent runs"));
        routes.MapGet("/v1/cluster/nodes", context => context.AnswerAsync(
            new ClusterNodeStatus
            {
                Self = $"{agent.Options.ClusterName}/{agent.Options.NodeName}",
                NodesAdded = NodeAddressingModels.All(agent),
                NodesRemoved = [],
            },
            ApiJson.Default.ClusterNodeStatus));
        routes.MapGet("/v1/metrics/", context => context.AnswerAsync(MetricsOf(agent), ApiJson.Default.IReadOnlyListMetric));
    }

    private static Task Health(HttpContext context, AgentContext agent)
    {
        var isBrief = IsTrue(context.Request.Headers["brief"]) || IsTrue(context.Request.Query["brief"]);
        return context.AnswerAsync(
            StatusModels.Of(agent, isBrief),
            ApiJson.Default.StatusResponse,
            agent.Readiness.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    private static bool IsTrue(string? value) => string.Equals(value, "true", StringComparison.OrdinalIgnoreCase);

    private static DaemonConfiguration ConfigurationOf(AgentContext agent)
    {
        var options = agent.Options;
        var spec = new DaemonConfigurationSpec
        {
            Options = new Dictionary<string, string>(),
            PolicyEnforcement = options.Enforcement.ToString().ToLowerInvariant(),
        };
        return new DaemonConfiguration
        {
            Spec = spec,
            Status = new DaemonConfigurationStatus
            {
                Addressing = NodeAddressingModels.RouterOf(agent),
                DeviceMtu = agent.Readiness.IsAccepting ? agent.Datapath.DeviceMtu : 0,
                RouteMtu = agent.Readiness.IsAccepting ? agent.Datapath.RouteMtu : 0,
                DatapathMode = "veth",
                IpamMode = options.Ipam,
                Masquerade = options.Datapath.EnableIPv4Masquerade || options.Datapath.EnableIPv6Masquerade,
                MasqueradeProtocols = new FamilySwitches { Ipv4 = options.Datapath.EnableIPv4Masquerade, Ipv6 = options.Datapath.EnableIPv6Masquerade },
                K8sEndpoint = agent.Connection.Server.ToString(),
                K8sConfiguration = options.KubeconfigPath,
                Realized = spec,
                DaemonConfigurationMap = options.Written,
            },
        };
    }

    private static List<Metric> MetricsOf(AgentContext agent) =>
        [
            .. EndpointModels.CountStates(agent).Select(state => Gauge("cilium_endpoint_state", state.Value, ("endpoint_state", state.Key))),
            Gauge("cilium_policy", agent.Policies.Rules.Count),
            Gauge("cilium_identity", agent.Policies.Identities.Count),
            Gauge("cilium_ip_addresses", agent.Ipam.Pools.Where(pool => pool.IsIPv4).Sum(pool => pool.Used), ("family", "ipv4")),
            Gauge("cilium_ip_addresses", agent.Ipam.Pools.Where(pool => !pool.IsIPv4).Sum(pool => pool.Used), ("family", "ipv6")),
            Gauge("cilium_services_frontends", agent.Tables.Datapath.Frontends.Count),
            Gauge("cilium_process_resident_memory_bytes", Environment.WorkingSet),
        ];

    private static Metric Gauge(string name, double value, params (string Key, string Value)[] labels) =>
        new() { Name = name, Value = value, Labels = labels.ToDictionary(label => label.Key, label => label.Value) };
}
