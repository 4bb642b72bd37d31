using Cilium.Core;
using static Cilium.Policy.Tests.Compilation.Verdict;

namespace Cilium.Policy.Tests.Compilation;

/// <summary>The points of policy semantics that are easily got wrong, one sentence each.</summary>
public sealed class SemanticsTests
{
    private static readonly LabelPeer s_client = new(LabelSelector.Parse("app=client", "k8s:io.kubernetes.pod.namespace=n0"));
    private static readonly PortMatch[] s_http = [.. PortMatch.OfPorts(L4Protocol.Tcp, 80)];

    [Fact]
    public void The_book_policy_lets_only_the_client_reach_port_80()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create([s_client], s_http)]));
        scene.Pod(300, "app=client");
        scene.Pod(301, "app=other");
        Assert.Equal(Allowed, scene.From("app=client", 80));
        Assert.Equal(DeniedByDefault, scene.From("app=client", 81));
        Assert.Equal(DeniedByDefault, scene.From("app=client", 80, L4Protocol.Udp));
        Assert.Equal(DeniedByDefault, scene.From("app=other", 80));
        Assert.Equal(DeniedByDefault, scene.From("world", 80));
        Assert.Equal(Allowed, scene.From("host", 80));
        Assert.Equal(Allowed, scene.To("world", 443));
        Assert.Equal(
            [
                new PolicyEntry(new PolicyKey(TrafficDirection.Ingress, Identity.Host, L4Protocol.Any, 0, 0), PolicyVerdict.Allow),
                new PolicyEntry(new PolicyKey(TrafficDirection.Ingress, new Identity(300), L4Protocol.Tcp, 80, 16), PolicyVerdict.Allow),
            ],
            scene.Compile().Entries);
    }

    [Fact]
    public void Nothing_is_enforced_without_a_rule_for_the_endpoint()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Nothing]), subject: LabelSelector.Parse("app=elsewhere"));
        Assert.Equal(CompiledPolicy.Unenforced, scene.Compile());
    }

    [Fact]
    public void An_element_without_peers_matches_nobody_without_ports_and_everybody_with_them()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create()]));
        Assert.Equal(DeniedByDefault, scene.From("world", 80));
        scene.Rule(PolicySection.Create([PeerRule.Create(null, s_http)]));
        Assert.Equal(Allowed, scene.From("world", 80));
        Assert.Equal(DeniedByDefault, scene.From("world", 81));
    }

    [Fact]
    public void An_empty_list_of_peers_counts_as_none()
    {
        Assert.Equal(PeerRule.Nothing, PeerRule.Create([]));
        Assert.Equal(PeerRule.Create(null, s_http), PeerRule.Create([], s_http));
    }

    [Fact]
    public void Entity_none_with_ports_matches_nobody()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create([new EntityPeer(Entity.None)], s_http)]));
        Assert.Equal(DeniedByDefault, scene.From("world", 80));
    }

    [Fact]
    public void A_port_member_without_ports_matches_nothing()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create([PeerSelector.All], [])]));
        Assert.Equal(DeniedByDefault, scene.From("world", 80));
    }

    [Fact]
    public void A_deny_only_policy_turns_default_deny_on()
    {
        var scene = new Scene().Rule(PolicySection.Create([], [PeerRule.Create([s_client])]));
        scene.Pod(300, "app=client");
        Assert.Equal(DeniedByRule, scene.From("app=client", 80));
        Assert.Equal(DeniedByDefault, scene.From("world", 80));
    }

    [Fact]
    public void An_empty_element_enforces_and_an_empty_list_does_not()
    {
        Assert.True(new Scene().Rule(PolicySection.Create([PeerRule.Nothing])).Compile().IngressEnforced);
        Assert.False(new Scene().Rule(PolicySection.Create([])).Compile().IngressEnforced);
        Assert.False(new Scene().Rule(PolicySection.Create([], enableDefaultDeny: true)).Compile().IngressEnforced);
    }

    [Fact]
    public void Without_default_deny_the_rest_is_allowed_and_denies_still_deny()
    {
        var scene = new Scene().Rule(PolicySection.Create([], [PeerRule.Create([s_client], s_http)], enableDefaultDeny: false));
        scene.Pod(300, "app=client");
        Assert.Equal(DeniedByRule, scene.From("app=client", 80));
        Assert.Equal(Allowed, scene.From("app=client", 81));
        Assert.Equal(Allowed, scene.From("world", 80));
        Assert.Equal([PolicyOrigin.AllowAnyIngress], scene.Engine.Explain(scene.Server, new PolicyKey(TrafficDirection.Ingress, default, L4Protocol.Any, 0, 0)));
        scene.Rule(PolicySection.Create([PeerRule.Nothing]));
        Assert.Equal(DeniedByDefault, scene.From("world", 80));
    }

    [Fact]
    public void Protocol_any_is_tcp_udp_and_sctp_but_never_icmp()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create(null, PortMatch.OfPorts(L4Protocol.Any, 8))]));
        Assert.All([L4Protocol.Tcp, L4Protocol.Udp, L4Protocol.Sctp], protocol => Assert.Equal(Allowed, scene.From("world", 8, protocol)));
        Assert.All([L4Protocol.Icmp, L4Protocol.IcmpV6], protocol => Assert.Equal(DeniedByDefault, scene.From("world", 8, protocol)));
    }

    [Fact]
    public void A_deny_port_without_protocol_denies_all_three_and_leaves_other_allows()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create([PeerSelector.All])], [PeerRule.Create(null, PortMatch.OfPorts(L4Protocol.Any, 80))]));
        Assert.Equal(DeniedByRule, scene.From("world", 80, L4Protocol.Udp));
        Assert.Equal(Allowed, scene.From("world", 81));
    }

    [Fact]
    public void Icmp_type_0_is_only_type_0()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create(null, [PortMatch.OfIcmp(false, 0)])]));
        Assert.Equal(Allowed, scene.From("world", 0, L4Protocol.Icmp));
        Assert.Equal(DeniedByDefault, scene.From("world", 8, L4Protocol.Icmp));
        Assert.Equal(DeniedByDefault, scene.From("world", 0, L4Protocol.IcmpV6));
    }

    [Fact]
    public void A_broad_deny_of_everybody_beats_a_narrow_allow()
    {
        var scene = new Scene().Rule(PolicySection.Create(
            [PeerRule.Create([s_client], s_http)], [PeerRule.Create(null, PortMatch.OfPorts(L4Protocol.Tcp, 1, 1024))]));
        scene.Pod(300, "app=client");
        Assert.Equal(DeniedByRule, scene.From("app=client", 80));
    }

    [Fact]
    public void An_allow_under_a_deny_of_the_same_identity_leaves_no_entry()
    {
        var scene = new Scene(allowLocalhost: false).Rule(PolicySection.Create([PeerRule.Create([s_client], s_http)], [PeerRule.Create([s_client])]));
        scene.Pod(300, "app=client");
        Assert.Equal(
            [new PolicyEntry(new PolicyKey(TrafficDirection.Ingress, new Identity(300), L4Protocol.Any, 0, 0), PolicyVerdict.Deny)], scene.Compile().Entries);
    }

    [Fact]
    public void A_range_of_ports_is_the_fewest_prefixes()
    {
        var scene = new Scene(allowLocalhost: false).Rule(PolicySection.Create([PeerRule.Create(null, PortMatch.OfPorts(L4Protocol.Tcp, 1024, 65535))]));
        Assert.Equal(6, scene.Compile().Entries.Count);
        Assert.Equal(DeniedByDefault, scene.From("world", 1023));
        Assert.All((ushort[])[1024, 2048, 65535], port => Assert.Equal(Allowed, scene.From("world", port)));
    }

    [Fact]
    public void Port_0_is_all_ports_of_the_protocol()
    {
        var scene = new Scene(allowLocalhost: false).Rule(PolicySection.Create([PeerRule.Create(null, PortMatch.OfPorts(L4Protocol.Tcp, 0))]));
        Assert.Equal([new PolicyKey(TrafficDirection.Ingress, default, L4Protocol.Tcp, 0, 0)], scene.Compile().Entries.Select(entry => entry.Key));
    }

    [Fact]
    public void Namespace_not_in_also_matches_world_and_cidrs()
    {
        var selector = LabelSelector.Create(LabelRequirement.Create("k8s:io.kubernetes.pod.namespace", SelectorOperator.NotIn, "n1"));
        var scoped = new SelectorScope("n0").ScopePeer(selector, LabelSelector.All);
        Assert.Equal(selector, scoped);
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create([new LabelPeer(scoped)])]));
        Assert.Equal(Allowed, scene.From("world", 80));
    }

    [Fact]
    public void Cluster_wide_namespace_labels_not_in_match_pods_only()
    {
        const string name = "io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name";
        var notProd = LabelSelector.Create(LabelRequirement.Create("k8s:" + name, SelectorOperator.NotIn, "prod"));
        var scene = new Scene(allowLocalhost: false).Rule(
            PolicySection.Create([PeerRule.Create([new LabelPeer(new SelectorScope(null).ScopePeer(notProd, LabelSelector.All))])]),
            PolicySection.Create([PeerRule.Create([CidrPeer.Parse("10.1.0.0/16")])]));
        scene.Pod(300, "app=client", "dev");
        scene.Compile();
        Assert.Equal(Allowed, scene.From("app=client", 80));
        Assert.All(["host", "world", "health", "remote-node", "kube-apiserver", "10.1.0.0/16"], peer => Assert.Equal(DeniedByDefault, scene.From(peer, 80)));
    }

    [Fact]
    public void All_zero_cidr_selects_the_world_in_that_exact_text_only()
    {
        var exact = CidrPeer.Parse("0.0.0.0/0");
        var other = CidrPeer.Parse("1.2.3.4/0");
        Assert.Equal(Allowed, new Scene().Rule(PolicySection.Create([PeerRule.Create([exact])])).From("world", 80));
        Assert.Equal(DeniedByDefault, new Scene().Rule(PolicySection.Create([PeerRule.Create([other])])).From("world", 80));
    }

    [Fact]
    public void All_zero_cidr_of_one_family_is_not_the_other_family()
    {
        var four = CidrPeer.Parse("0.0.0.0/0");
        var scene = new Scene(isDualStack: true).Rule(PolicySection.Create([PeerRule.Create([four])]));
        Assert.Equal(Allowed, scene.From("world-ipv4", 80));
        Assert.Equal(DeniedByDefault, scene.From("world-ipv6", 80));
    }

    [Fact]
    public void Cidrs_match_neither_pods_nor_nodes_and_entity_world_matches_cidrs()
    {
        var any = CidrPeer.Parse("0.0.0.0/0");
        var some = CidrPeer.Parse("10.1.0.0/16");
        var scene = new Scene(allowLocalhost: false).Rule(PolicySection.Create([PeerRule.Create([any])]), PolicySection.Create([PeerRule.Create([some])]));
        scene.Pod(300, "app=client");
        Assert.All(["app=client", "host", "remote-node", "kube-apiserver"], peer => Assert.Equal(DeniedByDefault, scene.From(peer, 80)));
        Assert.Equal(Allowed, scene.To("10.1.0.0/16", 80));
        Assert.Equal(Allowed, scene.From("10.1.0.0/16", 80));
        var world = new Scene().Rule(PolicySection.Create([PeerRule.Create([new EntityPeer(Entity.World)])]), PolicySection.Create([PeerRule.Create([some])]));
        world.Compile();
        Assert.Equal(Allowed, world.From("10.1.0.0/16", 80));
    }

    [Fact]
    public void A_deny_of_a_prefix_within_a_denied_prefix_stays()
    {
        var broad = CidrPeer.Parse("10.0.0.0/8");
        var narrow = CidrPeer.Parse("10.1.0.0/16");
        var scene = new Scene().Rule(egress: PolicySection.Create([PeerRule.Create([PeerSelector.All])], [PeerRule.Create([broad], s_http), PeerRule.Create([narrow])]));
        scene.Compile();
        Assert.Equal(DeniedByRule, scene.To("10.1.0.0/16", 443));
        Assert.Equal(DeniedByRule, scene.To("10.0.0.0/8", 80));
        Assert.Equal(Allowed, scene.To("10.0.0.0/8", 443));
    }

    [Fact]
    public void Allow_localhost_loses_to_an_explicit_deny_of_host()
    {
        var scene = new Scene().Rule(PolicySection.Create([], [PeerRule.Create([new EntityPeer(Entity.Host)], s_http)]));
        Assert.Equal(DeniedByRule, scene.From("host", 80));
        Assert.Equal(Allowed, scene.From("host", 81));
    }

    [Fact]
    public void Egress_to_the_own_node_is_subject_to_policy()
    {
        var scene = new Scene().Rule(egress: PolicySection.Create([PeerRule.Nothing]));
        Assert.Equal(DeniedByDefault, scene.To("host", 80));
    }

    [Fact]
    public void The_api_servers_identity_is_also_a_remote_node()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create([new EntityPeer(Entity.RemoteNode)])]));
        Assert.Equal(Allowed, scene.From("kube-apiserver", 80));
        var other = new Scene().Rule(PolicySection.Create([PeerRule.Create([new EntityPeer(Entity.KubeApiServer)])]));
        Assert.Equal(DeniedByDefault, other.From("remote-node", 80));
        other.Engine.UpsertIdentity(Identity.Host, ReservedIdentities.HostWithKubeApiServer);
        Assert.Equal(Allowed, other.From("host", 80));
    }

    [Fact]
    public void Named_ports_of_egress_are_those_of_each_destination()
    {
        var scene = new Scene().Rule(egress: PolicySection.Create([PeerRule.Create(null, PortMatch.OfName(L4Protocol.Tcp, "http"))]));
        scene.Pod(300, "app=a", "n0", new NamedPort("http", L4Protocol.Tcp, 80));
        scene.Pod(301, "app=b", "n1", new NamedPort("http", L4Protocol.Tcp, 8080));
        Assert.Equal(Allowed, scene.To("app=a", 80));
        Assert.Equal(DeniedByDefault, scene.To("app=a", 8080));
        Assert.Equal(Allowed, scene.To("app=b", 8080));
        Assert.Equal(DeniedByDefault, scene.To("world", 80));
    }

    [Fact]
    public void Named_ports_of_ingress_are_the_subjects_own_and_an_unknown_name_adds_nothing()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create(null, PortMatch.OfName(L4Protocol.Any, "http"))]));
        Assert.Equal(DeniedByDefault, scene.From("world", 80));
        scene.Server = scene.Pod(256, "app=server", "n0", new NamedPort("http", L4Protocol.Tcp, 80));
        Assert.Equal(Allowed, scene.From("world", 80));
        Assert.Equal(DeniedByDefault, scene.From("world", 80, L4Protocol.Udp));
    }

    [Fact]
    public void Pods_labelled_host_or_init_are_not_reserved()
    {
        var scene = new Scene().Rule(PolicySection.Create([PeerRule.Create([new EntityPeer(Entity.Host)])]));
        scene.Pod(300, "host=");
        Assert.Equal(DeniedByDefault, scene.From("host=", 80));
        Assert.False(new Scene().Compile(scene.Pod(301, "init=")).IngressEnforced);
    }

    [Fact]
    public void Endpoints_without_labels_are_enforced_in_both_directions()
    {
        var policy = new Scene().Compile(new PolicySubject(LabelSet.Reserved("init")));
        Assert.True(policy.IngressEnforced && policy.EgressEnforced);
    }

    [Fact]
    public void Mode_always_enforces_without_rules_and_mode_never_ignores_them()
    {
        var always = new Scene(mode: EnforcementMode.Always).Compile();
        Assert.True(always.IngressEnforced && always.EgressEnforced);
        Assert.Equal([Identity.Host], always.Entries.Select(entry => entry.Key.Identity));
        Assert.Equal(CompiledPolicy.Unenforced, new Scene(mode: EnforcementMode.Never).Rule(PolicySection.Create([PeerRule.Nothing])).Compile());
    }

    [Fact]
    public void Entity_cluster_is_this_clusters_pods_and_nodes()
    {
        var scene = new Scene(allowLocalhost: false).Rule(PolicySection.Create([PeerRule.Create([new EntityPeer(Entity.Cluster)])]));
        scene.Pod(300, "app=client");
        scene.Engine.UpsertIdentity(new Identity(301), LabelSet.Parse("k8s:io.cilium.k8s.policy.cluster=c2"));
        Assert.All(["app=client", "host", "remote-node", "health", "init", "kube-apiserver"], peer => Assert.Equal(Allowed, scene.From(peer, 80)));
        Assert.Equal(DeniedByDefault, scene.From("world", 80));
        Assert.DoesNotContain(scene.Compile().Entries, entry => entry.Key.Identity.Value == 301);
    }
}
