using Cilium.Core;
using Cilium.Policy;

namespace Cilium.Kubernetes.Tests.Policies;

public sealed class NetworkPolicyTests
{
    [Fact]
    public void Pods_are_of_the_policys_namespace()
    {
        var rule = Decoding.Knp("""
            {"podSelector":{"matchLabels":{"app":"db"}},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"web"}}}],"ports":[{"port":5432}]}]}
            """).Rule();
        Assert.Equal(LabelSelector.Parse("k8s:app=db", "k8s:io.kubernetes.pod.namespace=n0"), rule.Subject);
        Assert.Equal(
            PeerRule.Create([new LabelPeer(LabelSelector.Parse("k8s:app=web", "k8s:io.kubernetes.pod.namespace=n0"))], PortMatch.OfPorts(L4Protocol.Tcp, 5432)),
            Assert.Single(rule.Ingress.Allow));
        Assert.False(rule.Egress.IsPresent);
    }

    [Fact]
    public void Namespaces_are_matched_by_their_labels_and_only_pods_are_meant()
    {
        var rule = Decoding.Knp("""
            {"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{}},{"namespaceSelector":{"matchLabels":{"team":"x"}},"podSelector":{"matchLabels":{"app":"web"}}}]}]}
            """).Rule();
        var isPod = LabelRequirement.Create("k8s:io.kubernetes.pod.namespace", SelectorOperator.Exists);
        Assert.Equal(
            [
                new LabelPeer(LabelSelector.Create(isPod)),
                new LabelPeer(LabelSelector.Parse("k8s:app=web", "k8s:io.cilium.k8s.namespace.labels.team=x").And(isPod)),
            ],
            rule.Ingress.Allow[0].Peers);
    }

    [Theory]
    [InlineData("""{"podSelector":{}}""", true, false)]
    [InlineData("""{"podSelector":{},"policyTypes":["Egress"]}""", false, true)]
    [InlineData("""{"podSelector":{},"policyTypes":["Egress"],"ingress":[{}]}""", false, true)]
    [InlineData("""{"podSelector":{},"policyTypes":["Ingress","Egress"]}""", true, true)]
    [InlineData("""{"podSelector":{},"egress":[{}]}""", true, true)]
    [InlineData("""{"podSelector":{},"ingress":[]}""", true, false)]
    public void Policy_types_decide_which_sections_count(string spec, bool ingress, bool egress)
    {
        var rule = Decoding.Knp(spec).Rule();
        Assert.Equal((ingress, egress), (rule.Ingress.DefaultDeny, rule.Egress.DefaultDeny));
        Assert.Equal((ingress, egress), (rule.Ingress.IsPresent, rule.Egress.IsPresent));
    }

    [Fact]
    public void Missing_peers_are_everybody_and_missing_ports_everything()
    {
        Assert.Equal(PeerRule.Create([PeerSelector.All]), Decoding.Knp("""{"podSelector":{},"ingress":[{}]}""").Rule().Ingress.Allow[0]);
        Assert.Equal(
            PeerRule.Create([PeerSelector.All], PortMatch.OfPorts(L4Protocol.Udp, 0)),
            Decoding.Knp("""{"podSelector":{},"ingress":[{"from":[],"ports":[{"protocol":"UDP"}]}]}""").Rule().Ingress.Allow[0]);
    }

    [Fact]
    public void Blocks_ranges_and_named_ports()
    {
        var rule = Decoding.Knp("""
            {"podSelector":{},"policyTypes":["Egress"],"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/9"]}},{"ipBlock":{"cidr":"0.0.0.0/0"}}],
             "ports":[{"port":"http"},{"port":1000,"endPort":1003,"protocol":"UDP"}]}]}
            """).Rule();
        Assert.Equal(
            PeerRule.Create(
                [new CidrPeer(Prefix.Parse("10.128.0.0/9"), false), new CidrPeer(Prefix.Parse("0.0.0.0/0"), true)],
                [new PortMatch(L4Protocol.Tcp, 0, 0, "http"), new PortMatch(L4Protocol.Udp, 1000, 1003)]),
            rule.Egress.Allow[0]);
    }

    [Theory]
    [InlineData("0.0.0.0/0", "0.0.0.0/0", true)]
    [InlineData("1.2.3.4/0", "0.0.0.0/0", true)]
    [InlineData("::/0", "::/0", true)]
    [InlineData("::0/0", "::/0", true)]
    [InlineData("0:0:0:0:0:0:0:0/0", "::/0", true)]
    [InlineData("10.0.0.0/8", "10.0.0.0/8", false)]
    public void A_block_of_length_0_is_the_world_however_it_is_written(string cidr, string prefix, bool includesWorld) => Assert.Equal(
        [new CidrPeer(Prefix.Parse(prefix), includesWorld)],
        Decoding.Knp($$$"""{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"{{{cidr}}}"}}]}]}""").Rule().Ingress.Allow[0].Peers);

    [Fact]
    public void A_block_of_which_nothing_is_left_matches_nobody_even_with_ports() => Assert.Equal(
        PeerRule.Nothing,
        Decoding.Knp("""{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/9","10.128.0.0/9"]}}],"ports":[{"port":80}]}]}""").Rule().Ingress.Allow[0]);

    [Theory]
    [InlineData("""{"from":[{}]}""", "spec.ingress[0].from[0]: needs a podSelector, a namespaceSelector or an ipBlock")]
    [InlineData("""{"from":[{"ipBlock":{"cidr":"10.0.0.0/8"},"podSelector":{}}]}""", "spec.ingress[0].from[0].ipBlock: cannot be combined with podSelector or namespaceSelector")]
    [InlineData("""{"ports":[{"port":0}]}""", "spec.ingress[0].ports[0].port: must be a whole number from 1 to 65535")]
    [InlineData("""{"ports":[{"endPort":5}]}""", "spec.ingress[0].ports[0].endPort: needs a port")]
    [InlineData("""{"ports":[{"port":80,"protocol":"ANY"}]}""", "spec.ingress[0].ports[0].protocol: must be TCP, UDP or SCTP")]
    [InlineData("""{"to":[]}""", "spec.ingress[0].to: unknown field")]
    public void What_is_wrong_is_named_with_its_field(string element, string error) =>
        Assert.Equal(error, Decoding.Knp($$"""{"podSelector":{},"ingress":[{{element}}]}""").Message);

    [Fact]
    public void An_annotation_names_the_policy_in_flows_but_not_the_object()
    {
        var policy = Decoding.Knp("""{"podSelector":{}}""", """{"policy.cilium.io/name":"shown"}""");
        Assert.Equal(("p", "shown"), (policy.Origin.Name, policy.Rule().Origin.Name));
    }
}
