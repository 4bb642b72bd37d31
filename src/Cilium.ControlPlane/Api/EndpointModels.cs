using System.Security.Cryptography;
using System.Text;
using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.Core;
using Cilium.Core.Reconciliation;

namespace Cilium.ControlPlane.Api;

/// <summary>Endpoints and identities in the models' words.</summary>
internal static class EndpointModels
{
    private const string Failure = "Failure";
    private const string Ready = "ready";

    public static EndpointModel Of(AgentContext agent, LocalEndpointRow row)
    {
        agent.Tables.EndpointIdentities.TryGet(row.Id, out var identity);
        agent.Tables.Datapath.Endpoints.TryGet(row.Id, out var built);
        var policy = built?.Policy is { } key && agent.Tables.Datapath.Policies.TryGet(key, out var found) ? found : null;
        var failure = FailureOf(agent, row.Id) ?? PolicyFailureOf(agent, built);
        var state = StateOf(row, identity, built, failure);
        return new EndpointModel
        {
            Id = row.Id.Value,
            Spec = new EndpointConfigurationSpec { LabelConfiguration = new LabelConfigurationSpec { User = [] }, Options = s_options },
            Status = new EndpointStatusModel
            {
                State = state,
                ExternalIdentifiers = new EndpointIdentifiers
                {
                    ContainerId = row.ContainerId.Length > 0 ? row.ContainerId : null,
                    CniAttachmentId = row.ContainerId.Length > 0 ? row.AttachmentId : null,
                    K8sNamespace = row.PodNamespace,
                    K8sPodName = row.PodName,
                    PodName = row.PodName.Length > 0 ? row.Pod.ToString() : null,
                },
                Health = HealthOf(agent, row),
                Identity = identity is null ? null : IdentityOf(identity.Identity, identity.Labels),
                Labels = LabelsOf(agent, row),
                Log = LogOf(row, state, failure),
                NamedPorts = [.. (identity?.NamedPorts ?? default).Select(port => new Cilium.Api.NamedPort
                {
                    Name = port.Name,
                    Port = port.Port,
                    Protocol = port.Protocol.ToString().ToUpperInvariant(),
                })],
                Networking = new EndpointNetworking
                {
                    Addressing = [new AddressPair { Ipv4 = TextOf(row.IPv4), Ipv6 = TextOf(row.IPv6) }],
                    HostAddressing = NodeAddressingModels.RouterOf(agent),
                    ContainerInterfaceName = row.ContainerInterfaceName,
                    InterfaceName = row.InterfaceName,
                    InterfaceIndex = row.InterfaceIndex,
                    Mac = row.PodMac.ToString(),
                    HostMac = row.HostMac.ToString(),
                },
                Policy = PolicyOf(agent, identity, policy),
                Realized = new EndpointConfigurationSpec { LabelConfiguration = new LabelConfigurationSpec { User = [] }, Options = s_options },
            },
        };
    }

    /// <summary>How many endpoints are in each state; those ready are always told.</summary>
    public static IReadOnlyDictionary<string, int> CountStates(AgentContext agent)
    {
        var counts = new Dictionary<string, int> { [Ready] = 0 };
        foreach (var row in agent.Tables.Endpoints.Snapshot().Values)
        {
            agent.Tables.EndpointIdentities.TryGet(row.Id, out var identity);
            agent.Tables.Datapath.Endpoints.TryGet(row.Id, out var built);
            var state = StateOf(row, identity, built, FailureOf(agent, row.Id) ?? PolicyFailureOf(agent, built));
            counts[state] = counts.GetValueOrDefault(state) + 1;
        }
        return counts;
    }

    public static EndpointHealth HealthOf(AgentContext agent, LocalEndpointRow row)
    {
        var isBuilt = agent.Tables.Datapath.Endpoints.TryGet(row.Id, out var built);
        var bpf = !isBuilt ? "Pending" : FailureOf(agent, row.Id) is null ? "OK" : Failure;
        var policy = !isBuilt ? "Pending" : PolicyFailureOf(agent, built) is null ? "OK" : Failure;
        return new EndpointHealth { Bpf = bpf, Policy = policy, OverallHealth = policy == Failure ? policy : bpf, Connected = true };
    }

    public static LabelConfigurationStatus LabelsOf(AgentContext agent, LocalEndpointRow row)
    {
        agent.Tables.EndpointIdentities.TryGet(row.Id, out var identity);
        var relevant = identity is null ? [] : identity.Labels.Select(label => label.ToString()).ToList();
        var derived = agent.Tables.Kubernetes.Pods.TryGet(row.Pod, out var pod)
            ? pod.Labels.Select(pair => new Label(Label.SourceK8s, pair.Key, pair.Value).ToString()).Where(text => !relevant.Contains(text)).ToList()
            : [];
        return new LabelConfigurationStatus
        {
            SecurityRelevant = relevant,
            Derived = derived,
            Disabled = [],
            Realized = new LabelConfigurationSpec { User = [] },
        };
    }

    public static IdentityModel IdentityOf(Identity identity, LabelSet labels) => new()
    {
        Id = identity.Value,
        Labels = [.. labels.Select(label => label.ToString())],
        LabelsSha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(';', labels) + ";"))),
    };

    private static readonly Dictionary<string, string> s_options = new()
    {
        ["Conntrack"] = "Enabled",
        ["DropNotification"] = "Enabled",
        ["PolicyAuditMode"] = "Disabled",
        ["PolicyVerdictNotification"] = "Enabled",
        ["SourceIPVerification"] = "Enabled",
        ["TraceNotification"] = "Enabled",
    };

    private static string StateOf(LocalEndpointRow row, EndpointIdentityRow? identity, Datapath.Endpoints.EndpointRow? built, ReconcileStatus? failure) =>
        identity is null ? "waiting-for-identity"
        : built is null ? "regenerating"
        : failure is not null ? "not-ready"
        : row.IsRestored ? "restoring"
        : Ready;

    /// <summary>Why the kernel does not have an endpoint as it is desired; null when it does, or was not asked yet.</summary>
    private static ReconcileStatus? FailureOf(AgentContext agent, EndpointId endpoint) =>
        agent.Datapath.FindEndpointStatus(endpoint) is { State: ReconcileState.Error } failure ? failure : null;

    private static ReconcileStatus? PolicyFailureOf(AgentContext agent, Datapath.Endpoints.EndpointRow? built) =>
        built?.Policy is { } policy && agent.Datapath.FindPolicyStatus(policy) is { State: ReconcileState.Error } failure ? failure : null;

    private static IReadOnlyList<EndpointStatusChange> LogOf(LocalEndpointRow row, string state, ReconcileStatus? failure)
    {
        var created = new EndpointStatusChange { Code = "OK", Message = "Endpoint created", State = state, Timestamp = row.CreatedAt.ToString("O") };
        return failure is null
            ? [created]
            : [new EndpointStatusChange { Code = Failure, Message = failure.Message, State = state, Timestamp = failure.At.ToString("O") }, created];
    }

    private static EndpointPolicyStatus PolicyOf(AgentContext agent, EndpointIdentityRow? identity, Datapath.PolicyRow? policy)
    {
        var (ingress, egress) = (policy?.IngressEnforced ?? false, policy?.EgressEnforced ?? false);
        var model = new EndpointPolicy
        {
            Id = identity?.Identity.Value ?? 0,
            PolicyEnabled = (ingress, egress) switch
            {
                (true, true) => "both",
                (true, false) => "ingress",
                (false, true) => "egress",
                _ => "none",
            },
            PolicyRevision = agent.Policies.Revision,
            AllowedIngressIdentities = PeersOf(policy, TrafficDirection.Ingress, isDeny: false),
            AllowedEgressIdentities = PeersOf(policy, TrafficDirection.Egress, isDeny: false),
            DeniedIngressIdentities = PeersOf(policy, TrafficDirection.Ingress, isDeny: true),
            DeniedEgressIdentities = PeersOf(policy, TrafficDirection.Egress, isDeny: true),
        };
        return new EndpointPolicyStatus { Realized = model, Spec = model };
    }

    private static IReadOnlyList<long> PeersOf(Datapath.PolicyRow? policy, TrafficDirection direction, bool isDeny) => policy is null
        ? []
        :
        [
            .. policy.Entries
                .Where(entry => entry.Key.Direction == direction && entry.Key.Protocol == L4Protocol.Any && entry.Verdict.IsDeny == isDeny)
                .Select(entry => (long)entry.Key.Identity.Value).Distinct().Order(),
        ];

    private static string? TextOf(IpAddr address) => address.IsNone ? null : address.ToString();
}
