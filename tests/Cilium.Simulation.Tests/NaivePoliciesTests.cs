using Cilium.Kubernetes;
using Cilium.Simulation.Scale;

namespace Cilium.Simulation.Tests;

/// <summary>The reference that packets are compared with, by hand.</summary>
public sealed class NaivePoliciesTests
{
    private static readonly PodRow Client = Pod("a", "client");
    private static readonly PodRow Server = Pod("a", "server");
    private static readonly PodRow Far = Pod("b", "client");

    [Fact]
    public void Without_a_policy_everything_is_allowed() => Assert.True(Of().Allows(Client, Server, 80));

    [Fact]
    public void A_policy_about_a_pod_allows_what_it_names_and_nothing_else()
    {
        var policies = Of(Kubernetes("""{"podSelector":{"matchLabels":{"app":"server"}},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"client"}}}],"ports":[{"port":80}]}]}"""));
        Assert.True(policies.Allows(Client, Server, 80));
        Assert.False(policies.Allows(Client, Server, 81));
        Assert.False(policies.Allows(Far, Server, 80));
        Assert.True(policies.Allows(Server, Client, 81));
    }

    [Fact]
    public void A_namespace_is_chosen_by_its_labels()
    {
        var policies = Of(Kubernetes("""{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"team":"blue"}}}]}]}"""));
        Assert.True(policies.Allows(Far, Server, 80));
        Assert.False(policies.Allows(Client, Server, 80));
    }

    [Fact]
    public void A_denial_wins_and_a_selector_without_a_namespace_is_about_the_policys_own()
    {
        var policies = Of(Cilium("""{"endpointSelector":{"matchLabels":{"app":"server"}},"ingress":[{"fromEndpoints":[{}]}],"ingressDeny":[{"fromEndpoints":[{"matchLabels":{"app":"bad"}}]}]}"""));
        Assert.True(policies.Allows(Client, Server, 80));
        Assert.False(policies.Allows(Pod("a", "bad"), Server, 80));
        Assert.False(policies.Allows(Far, Server, 80));
    }

    [Fact]
    public void Sections_without_rules_say_nothing_and_a_rule_without_peers_of_endpoints_allows_nobody()
    {
        Assert.True(Of(Cilium("""{"endpointSelector":{},"ingress":[]}""")).Allows(Client, Server, 80));
        Assert.False(Of(Cilium("""{"endpointSelector":{},"ingress":[{}]}""")).Allows(Client, Server, 80));
    }

    [Fact]
    public void Both_ends_have_their_say()
    {
        var policies = Of(Cilium("""{"endpointSelector":{"matchLabels":{"app":"client"}},"egress":[{"toEndpoints":[{"matchLabels":{"app":"server"}}],"toPorts":[{"ports":[{"port":"80"}]}]}]}"""));
        Assert.True(policies.Allows(Client, Server, 80));
        Assert.False(policies.Allows(Client, Server, 81));
        Assert.True(policies.Allows(Far, Server, 81));
    }

    [Fact]
    public void What_it_does_not_know_it_refuses() =>
        Assert.Throws<NotSupportedException>(() => Of(Kubernetes("""{"podSelector":{"matchFields":[]}}""")).Allows(Client, Server, 80));

    private static NaivePolicies Of(params PolicyObjectRow[] policies) => new(policies, new Dictionary<string, StringMap>
    {
        ["a"] = StringMap.Create([KeyValuePair.Create("team", "red")]),
        ["b"] = StringMap.Create([KeyValuePair.Create("team", "blue")]),
    });

    private static PolicyObjectRow Kubernetes(string spec) => Row(PolicyObjectKind.NetworkPolicy, spec);

    private static PolicyObjectRow Cilium(string spec) => Row(PolicyObjectKind.CiliumNetworkPolicy, spec);

    private static PolicyObjectRow Row(PolicyObjectKind kind, string spec)
    {
        var row = TestCluster.Policy(kind, "one", spec);
        return row with { Key = row.Key with { Namespace = "a" } };
    }

    private static PodRow Pod(string ns, string app) => new() { Namespace = ns, Name = app, Uid = app, Labels = StringMap.Create([KeyValuePair.Create("app", app)]) };
}
