using System.Text;
using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.Core;
using Cilium.Datapath.LoadBalancing;
using Cilium.Policy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cilium.ControlPlane.Api;

/// <summary>identity, service, policy, ip: tables as they are.</summary>
internal static class TableRoutes
{
    public static void Map(IEndpointRouteBuilder routes, AgentContext agent)
    {
        routes.MapGet("/v1/identity", context => context.AnswerAsync(
            [.. agent.Policies.Identities.All.OrderBy(known => known.Id).Select(known => EndpointModels.IdentityOf(known.Id, known.Labels))],
            ApiJson.Default.IReadOnlyListIdentityModel));
        routes.MapGet("/v1/identity/endpoints", context => context.AnswerAsync(
            [
                .. agent.Tables.EndpointIdentities.Snapshot().Values.GroupBy(row => row.Identity).OrderBy(group => group.Key)
                    .Select(group => new IdentityEndpoints { Identity = EndpointModels.IdentityOf(group.Key, group.First().Labels), RefCount = group.Count() }),
            ],
            ApiJson.Default.IReadOnlyListIdentityEndpoints));
        routes.MapGet("/v1/identity/{id}", context => Identity(context, agent));
        routes.MapGet("/v1/service", context => context.AnswerAsync(ServicesOf(agent), ApiJson.Default.IReadOnlyListServiceModel));
        routes.MapGet("/v1/service/{id:long}", context => Service(context, agent));
        routes.MapGet("/v1/policy", context => context.AnswerAsync(PolicyOf(agent), ApiJson.Default.PolicyModel));
        routes.MapGet("/v1/policy/selectors", context => context.AnswerAsync(SelectorsOf(agent), ApiJson.Default.IReadOnlyListSelectorIdentityMapping));
        routes.MapGet("/v1/ip", context => context.AnswerAsync(AddressesOf(agent), ApiJson.Default.IReadOnlyListIpListEntry));
    }

    private static Task Identity(HttpContext context, AgentContext agent)
    {
        var text = context.Route("id");
        return uint.TryParse(text, out var number) && agent.Policies.Identities.TryGet(new Identity(number), out var known)
            ? context.AnswerAsync(EndpointModels.IdentityOf(known.Id, known.Labels), ApiJson.Default.IdentityModel)
            : throw new EndpointException(404, $"there is no identity '{text}'");
    }

    private static Task Service(HttpContext context, AgentContext agent)
    {
        var text = context.Route("id");
        return context.AnswerAsync(
            ServicesOf(agent).FirstOrDefault(service => service.Spec!.Id.ToString(System.Globalization.CultureInfo.InvariantCulture) == text)
                ?? throw new EndpointException(404, $"there is no service '{text}'"),
            ApiJson.Default.ServiceModel);
    }

    // A frontend that is on its way to the maps has no number yet and is not realized.
    private static List<ServiceModel> ServicesOf(AgentContext agent)
    {
        var services = new List<ServiceModel>();
        var numbered = agent.Tables.Datapath.Frontends.Snapshot().Values.Select(row => (Row: row, Id: agent.Datapath.FindServiceId(row.Address)));
        foreach (var (row, id) in numbered.OrderBy(service => service.Id ?? 0).ThenBy(service => service.Row.Address))
        {
            var spec = new ServiceSpec
            {
                Id = id ?? 0,
                FrontendAddress = new FrontendAddress
                {
                    Ip = row.Address.Address.ToString(),
                    Port = row.Address.Port,
                    Protocol = row.Address.Protocol.ToString().ToUpperInvariant(),
                    Scope = "external",
                },
                BackendAddresses =
                [
                    .. row.Backends.Select(backend => new BackendAddress
                    {
                        Ip = backend.Address.Address.ToString(),
                        Port = backend.Address.Port,
                        Protocol = backend.Address.Protocol.ToString().ToUpperInvariant(),
                        State = backend.State == BackendState.Active ? "active" : "terminating",
                    }),
                ],
                Flags = new ServiceSpecFlags
                {
                    Type = row.Kind.ToString(),
                    Name = row.ServiceName,
                    Namespace = row.ServiceNamespace,
                    // Of the policy inside the cluster the row has only the outcome, its backends.
                    ExtTrafficPolicy = row.ExternalIsLocal ? "Local" : "Cluster",
                },
            };
            services.Add(new ServiceModel { Spec = spec, Status = new ServiceStatus { Realized = id is null ? null : spec } });
        }

        return services;
    }

    private static PolicyModel PolicyOf(AgentContext agent)
    {
        var text = new StringBuilder("[");
        foreach (var row in agent.Tables.Kubernetes.Policies.Snapshot().Values.OrderBy(row => row.Key.ToString(), StringComparer.Ordinal))
        {
            text.Append(text.Length > 1 ? "," : "").Append(Encoding.UTF8.GetString(row.Json.AsSpan()));
        }

        return new PolicyModel { Policy = text.Append(']').ToString(), Revision = agent.Policies.Revision };
    }

    private static List<SelectorIdentityMapping> SelectorsOf(AgentContext agent)
    {
        var users = new Dictionary<PeerSelector, (int Count, HashSet<string> Labels)>();
        foreach (var rule in agent.Policies.Rules)
        {
            var peers = new[] { rule.Ingress, rule.Egress }.SelectMany(section => section.Allow.Concat(section.Deny)).SelectMany(element => element.Peers);
            foreach (var selector in peers.Append(new LabelPeer(rule.Subject)))
            {
                var (count, labels) = users.TryGetValue(selector, out var present) ? present : (0, []);
                labels.UnionWith(rule.Origin.ToLabels().Select(label => label.ToString()));
                users[selector] = (count + 1, labels);
            }
        }

        return
        [
            .. users.Select(pair => new SelectorIdentityMapping
            {
                Selector = pair.Key.ToString(),
                Users = pair.Value.Count,
                Labels = [.. pair.Value.Labels.Order(StringComparer.Ordinal)],
                Identities =
                [
                    .. agent.Policies.Identities.All.Where(known => pair.Key.Matches(known, agent.Options.Cluster)).Select(known => (long)known.Id.Value).Order(),
                ],
            }).OrderBy(mapping => mapping.Selector, StringComparer.Ordinal),
        ];
    }

    private static List<IpListEntry> AddressesOf(AgentContext agent)
    {
        var local = agent.Tables.Endpoints.Snapshot().Values.SelectMany(row => row.Addresses().Select(address => (Prefix.Of(address), row)))
            .ToDictionary(pair => pair.Item1, pair => pair.row);
        var remote = new Dictionary<Prefix, Kubernetes.CiliumEndpointRow>();
        foreach (var row in agent.Tables.Kubernetes.CiliumEndpoints.Snapshot().Values)
        {
            foreach (var address in row.Addresses)
            {
                remote[Prefix.Of(address)] = row;
            }
        }

        var entries = new List<IpListEntry>();
        foreach (var row in agent.Tables.Datapath.IpCache.Snapshot().Values.OrderBy(row => row.Prefix))
        {
            var (source, podNamespace, podName) = local.TryGetValue(row.Prefix, out var own) ? ("local", own.PodNamespace, own.PodName)
                : remote.TryGetValue(row.Prefix, out var other) ? ("custom-resource", other.Namespace, other.Name)
                : (row.Identity == Core.Identity.Host || row.Prefix.Length == 0 ? "local" : row.Identity.IsLocal ? "generated" : "custom-resource", null, null);
            entries.Add(new IpListEntry
            {
                Cidr = row.Prefix.ToString(),
                Identity = row.Identity.Value,
                HostIp = row.TunnelEndpoint.IsNone ? null : row.TunnelEndpoint.ToString(),
                Metadata = new IpListEntryMetadata { Source = source, Namespace = podNamespace, Name = podName },
            });
        }

        return entries;
    }
}
