using Cilium.Core;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;

namespace Cilium.Kubernetes.Tests.Policies;

public sealed class CiliumPolicyTests
{
    private const string TooManyPrefixes = "with this the object names more than 16384 prefixes, counting those into which exceptions split a range";

    private static readonly PeerSelector s_client = new LabelPeer(LabelSelector.Parse("app=client", "k8s:io.kubernetes.pod.namespace=n0"));

    [Fact]
    public void The_book_policy()
    {
        var rule = Decoding.Cnp("""
            {"endpointSelector":{"matchLabels":{"app.kubernetes.io/name":"nginx"}},
             "ingress":[{"fromEndpoints":[{"matchLabels":{"app":"client"}}],"toPorts":[{"ports":[{"port":"80","protocol":"TCP"}]}]}]}
            """).Rule();
        Assert.Equal(new PolicyOrigin("CiliumNetworkPolicy", "n0", "p", "u"), rule.Origin);
        Assert.Equal(LabelSelector.Parse("app.kubernetes.io/name=nginx", "k8s:io.kubernetes.pod.namespace=n0"), rule.Subject);
        Assert.Equal(PolicySection.Create([PeerRule.Create([s_client], PortMatch.OfPorts(L4Protocol.Tcp, 80))]), rule.Ingress);
        Assert.Equal(PolicySection.Absent, rule.Egress);
    }

    [Theory]
    [InlineData("""{"ports":[{"port":"80","protocol":"TCP"}],"rules":{"http":[{"method":"GET"}]}}""", "spec.ingress[0].toPorts[0].rules.http: not supported yet: L7 rules")]
    [InlineData("""{"ports":[{"port":"80"}],"listener":{"name":"l"}}""", "spec.ingress[0].toPorts[0].listener: not supported yet: redirection to a listener")]
    [InlineData("""{"ports":[{"port":"443"}],"serverNames":["a"]}""", "spec.ingress[0].toPorts[0].serverNames: not supported yet: TLS server names")]
    [InlineData("""{"ports":[{"port":"443"}],"terminatingTLS":{"secret":{"name":"s"}}}""", "spec.ingress[0].toPorts[0].terminatingTLS: not supported yet: TLS interception")]
    public void Port_rules_that_need_a_proxy_are_refused_by_name(string portRule, string error)
    {
        var policy = Decoding.Cnp($$"""{"endpointSelector":{},"ingress":[{"toPorts":[{{portRule}}]}]}""");
        Assert.Equal([error], policy.Errors.Select(issue => issue.ToString()));
        Assert.True(policy.Errors[0].IsUnsupported);
        Assert.Empty(policy.Rules);
    }

    [Theory]
    [InlineData("egress", """{"toFQDNs":[{"matchName":"a.b"}]}""", "spec.egress[0].toFQDNs: not supported yet: DNS names as peers")]
    [InlineData("egress", """{"toServices":[{"k8sService":{"serviceName":"s"}}]}""", "spec.egress[0].toServices: not supported yet: services as peers")]
    [InlineData("egress", """{"toGroups":[{"aws":{}}]}""", "spec.egress[0].toGroups: not supported yet: cloud provider groups")]
    [InlineData("ingress", """{"fromNodes":[{}]}""", "spec.ingress[0].fromNodes: not supported yet: node selectors")]
    [InlineData("ingress", """{"fromRequires":[{}]}""", "spec.ingress[0].fromRequires: not supported yet: requirements on all peers")]
    [InlineData("ingress", """{"fromCIDRSet":[{"cidrGroupRef":"g"}]}""", "spec.ingress[0].fromCIDRSet[0].cidrGroupRef: not supported yet: CIDR groups")]
    [InlineData("ingress", """{"authentication":{"mode":"required"}}""", "spec.ingress[0].authentication.mode: not supported yet: mutual authentication")]
    public void Features_that_do_not_exist_yet_are_refused_by_name(string section, string element, string error) =>
        Assert.Equal([error], Decoding.Cnp($$"""{"endpointSelector":{},"{{section}}":[{{element}}]}""").Errors.Select(issue => issue.ToString()));

    [Theory]
    [InlineData("""{"fromEndpoints":[{}],"fromEntities":["world"]}""", "spec.ingress[0]: combining fromEndpoints and fromEntities is not supported")]
    [InlineData("""{"fromCIDR":["10.0.0.0/33"]}""", "spec.ingress[0].fromCIDR[0]: '10.0.0.0/33' is neither a CIDR nor an address")]
    [InlineData("""{"fromCIDRSet":[{"cidr":"10.0.0.1"}]}""", "spec.ingress[0].fromCIDRSet[0].cidr: '10.0.0.1' is no CIDR")]
    [InlineData("""{"fromCIDRSet":[{"cidr":"10.0.0.0/8","except":["11.0.0.0/16"]}]}""", "spec.ingress[0].fromCIDRSet[0].except[0]: is not within 10.0.0.0/8")]
    [InlineData("""{"fromEntities":["world-ipv4"]}""", "spec.ingress[0].fromEntities[0]: 'world-ipv4' is no entity")]
    [InlineData("""{"toPorts":[{"ports":[{"port":"65536"}]}]}""", "spec.ingress[0].toPorts[0].ports[0].port: must be a number from 0 to 65535 or a port name")]
    [InlineData("""{"toPorts":[{"ports":[{"port":"-x"}]}]}""", "spec.ingress[0].toPorts[0].ports[0].port: '-x' is neither a port number nor a port name")]
    [InlineData("""{"toPorts":[{"ports":[{"protocol":"TCP"}]}]}""", "spec.ingress[0].toPorts[0].ports[0].port: is required; 0 stands for all ports")]
    [InlineData("""{"toPorts":[{"ports":[{"port":null}]}]}""", "spec.ingress[0].toPorts[0].ports[0].port: is required; 0 stands for all ports")]
    [InlineData("""{"toPorts":[{"ports":[{"port":""}]}]}""", "spec.ingress[0].toPorts[0].ports[0].port: '' is neither a port number nor a port name")]
    [InlineData("""{"toPorts":[{"ports":[{"port":"80","endPort":79}]}]}""", "spec.ingress[0].toPorts[0].ports[0].endPort: must not be smaller than port 80")]
    [InlineData("""{"toPorts":[{"ports":[{"port":"80","protocol":"tcp"}]}]}""", "spec.ingress[0].toPorts[0].ports[0].protocol: must be TCP, UDP, SCTP or ANY")]
    [InlineData("""{"toPorts":[{"ports":[{"port":"80"}]}],"icmps":[{"fields":[{"type":8}]}]}""", "spec.ingress[0].icmps: cannot be combined with toPorts")]
    [InlineData("""{"icmps":[{"fields":[{"type":"NoSuch"}]}]}""", "spec.ingress[0].icmps[0].fields[0].type: 'NoSuch' is no ICMP type of this family")]
    [InlineData("""{"fromEndpoint":[{}]}""", "spec.ingress[0].fromEndpoint: unknown field")]
    [InlineData("""{"fromEndpoints":[{"matchLabels":{"app":7}}]}""", "spec.ingress[0].fromEndpoints[0].matchLabels.app: must be a text")]
    [InlineData("""{"fromEndpoints":[{"matchExpressions":[{"key":"a","operator":"Exists","values":["x"]}]}]}""", "spec.ingress[0].fromEndpoints[0].matchExpressions[0].values: must be empty with operator Exists")]
    [InlineData("""{"fromEndpoints":[{"matchExpressions":[{"key":"a","operator":"In"}]}]}""", "spec.ingress[0].fromEndpoints[0].matchExpressions[0].values: must not be empty with operator In")]
    public void What_is_wrong_is_named_with_its_field(string element, string error) =>
        Assert.Equal([error], Decoding.Cnp($$"""{"endpointSelector":{},"ingress":[{{element}}]}""").Errors.Select(issue => issue.ToString()));

    [Fact]
    public void An_object_without_rules_or_subject_is_refused()
    {
        Assert.Equal("spec: the policy has neither spec nor specs", Decoding.Cnp("null").Message);
        Assert.Equal("spec: needs an endpointSelector", Decoding.Cnp("""{"ingress":[{}]}""").Message);
        Assert.Equal("spec.nodeSelector: only a CiliumClusterwideNetworkPolicy may select nodes", Decoding.Cnp("""{"nodeSelector":{},"ingress":[{}]}""").Message);
        Assert.Equal("spec.nodeSelector: not supported yet: policies on nodes (host firewall)", Decoding.Ccnp("""{"nodeSelector":{},"ingress":[{}]}""").Message);
    }

    /// <summary>As upstream since 1.17: default deny takes an element, and the object must not look valid without.</summary>
    [Theory]
    [InlineData("{}")]
    [InlineData("""{"ingress":[]}""")]
    [InlineData("""{"ingress":null,"egress":[],"ingressDeny":[],"egressDeny":[]}""")]
    [InlineData("""{"enableDefaultDeny":{"ingress":true,"egress":true}}""")]
    [InlineData("""{"enableDefaultDeny":{"ingress":true},"ingress":[]}""")]
    public void A_rule_without_elements_is_refused(string sections)
    {
        const string error = "must have at least one element in ingress, ingressDeny, egress or egressDeny";
        var spec = """{"endpointSelector":{},""" + sections[1..];
        spec = spec.Replace(",}", "}", StringComparison.Ordinal);
        Assert.Equal($"spec: {error}", Decoding.Cnp(spec).Message);
        Assert.Equal($"spec: {error}", Decoding.Ccnp(spec).Message);
        var policy = new PolicyDecoder(LabelFilter.Default).DecodeCiliumNetworkPolicy(
            Decoding.Object($$"""{"metadata":{"name":"p"},"specs":[{"endpointSelector":{},"ingress":[{}]},{{spec}}]}"""));
        Assert.Equal($"specs[1]: {error}", policy.Message);
        Assert.Empty(policy.Rules);
    }

    [Fact]
    public void Each_of_specs_is_a_rule()
    {
        var policy = new PolicyDecoder(LabelFilter.Default).DecodeCiliumNetworkPolicy(
            Decoding.Object("""{"metadata":{"name":"p"},"specs":[{"endpointSelector":{},"ingress":[{}]},{"endpointSelector":{"matchLabels":{"a":"b"}},"egress":[{}]}]}"""));
        Assert.Equal(2, policy.Rules.Count);
        Assert.Equal("default", policy.Origin.Namespace);
    }

    [Fact]
    public void Empty_and_missing_members_keep_their_meanings()
    {
        static PeerRule Element(string element) => Assert.Single(Decoding.Cnp($$"""{"endpointSelector":{},"ingress":[{{element}}]}""").Rule().Ingress.Allow);
        Assert.Equal(PeerRule.Nothing, Element("{}"));
        Assert.Equal(PeerRule.Nothing, Element("""{"fromEndpoints":[]}"""));
        Assert.Equal([PeerSelector.All], Element("""{"toPorts":[{"ports":[{"port":"80"}]}]}""").Peers);
        Assert.Empty(Element("""{"fromEntities":["all"],"toPorts":[{}]}""").Ports);
        Assert.Equal([PortMatch.Everything], Element("""{"fromEntities":["all"],"toPorts":[]}""").Ports);
        Assert.False(Decoding.Cnp("""{"endpointSelector":{},"ingress":[],"egress":[{}]}""").Rule().Ingress.IsPresent);
        Assert.True(Decoding.Cnp("""{"endpointSelector":{},"ingressDeny":[{}]}""").Rule().Ingress.DefaultDeny);
        Assert.False(Decoding.Cnp("""{"endpointSelector":{},"ingress":[{}],"enableDefaultDeny":{"ingress":false}}""").Rule().Ingress.DefaultDeny);
        Assert.True(Decoding.Cnp("""{"endpointSelector":{},"ingress":[{}],"enableDefaultDeny":{"ingress":true}}""").Rule().Ingress.DefaultDeny);
        Assert.False(Decoding.Cnp("""{"endpointSelector":{},"ingress":[],"egress":[{}],"enableDefaultDeny":{"ingress":true}}""").Rule().Ingress.IsPresent);
    }

    /// <summary>As upstream since 1.16: a list that is there selects whom it names, which is nobody.</summary>
    [Theory]
    [InlineData("Endpoints")]
    [InlineData("CIDR")]
    [InlineData("CIDRSet")]
    [InlineData("Entities")]
    [InlineData("Nodes")]
    public void An_empty_list_of_peers_beside_ports_selects_nobody(string member)
    {
        foreach (var (section, prefix) in new[] { ("ingress", "from"), ("ingressDeny", "from"), ("egress", "to"), ("egressDeny", "to") })
        {
            var rule = Decoding.Cnp($$$"""{"endpointSelector":{},"{{{section}}}":[{"{{{prefix}}}{{{member}}}":[],"toPorts":[{"ports":[{"port":"80","protocol":"TCP"}]}]}]}""").Rule();
            var direction = prefix == "from" ? rule.Ingress : rule.Egress;
            Assert.Equal(PeerRule.Nothing, Assert.Single(section.EndsWith("Deny", StringComparison.Ordinal) ? direction.Deny : direction.Allow));
            Assert.True(direction.DefaultDeny);
        }
    }

    [Fact]
    public void Ports_beside_an_empty_list_of_peers_are_still_read() => Assert.Equal(
        "spec.ingress[0].toPorts[0].ports[0].port: '-x' is neither a port number nor a port name",
        Decoding.Cnp("""{"endpointSelector":{},"ingress":[{"fromCIDR":[],"toPorts":[{"ports":[{"port":"-x"}]}]}]}""").Message);

    /// <summary>Every node has a row for each, and all namespaces share the room.</summary>
    [Fact]
    public void An_object_of_more_prefixes_than_a_policy_holds_is_refused()
    {
        static string Spec(IEnumerable<int> addresses, string more)
        {
            var list = string.Join(',', addresses.Select(i => $"\"10.0.{i / 256}.{i % 256}\""));
            return $$"""{"endpointSelector":{},"egress":[{"toCIDR":[{{list}}]}{{more}}]}""";
        }

        Assert.Equal(16384, Decoding.Cnp(Spec(Enumerable.Range(0, 16384), "")).Rule().Egress.Allow[0].Peers.Count);
        Assert.Equal($"spec.egress[0].toCIDR[16384]: {TooManyPrefixes}", Decoding.Cnp(Spec(Enumerable.Range(0, 16385), "")).Message);

        // Those named before are the same prefixes, another is one more, in whichever element.
        Assert.True(Decoding.Cnp(Spec(Enumerable.Range(0, 16384), """,{"toCIDR":["10.0.0.0","10.0.0.1/32"]}""")).IsValid);
        Assert.Equal(
            $"spec.egress[1].toCIDRSet[0]: {TooManyPrefixes}",
            Decoding.Cnp(Spec(Enumerable.Range(0, 16384), """,{"toCIDRSet":[{"cidr":"192.0.2.0/24"}]},{"toCIDR":["192.0.2.7"]}""")).Message);
    }

    /// <summary>An address without which a range is to be allowed splits it into a prefix for each bit.</summary>
    [Fact]
    public void Prefixes_that_exceptions_take_count()
    {
        static string Set(int holes)
        {
            var list = string.Join(',', Enumerable.Range(0, holes).Select(i => $"\"{IpAddr.FromIPv4((uint)(i * (0x1_0000_0000L / holes)))}/32\""));
            return $$"""{"cidr":"0.0.0.0/0","except":[{{list}}]}""";
        }

        Assert.True(Decoding.Cnp($$"""{"endpointSelector":{},"egress":[{"toCIDRSet":[{{Set(256)}}]}]}""").IsValid);
        Assert.Equal($"spec.egress[0].toCIDRSet[0]: {TooManyPrefixes}", Decoding.Cnp($$"""{"endpointSelector":{},"egress":[{"toCIDRSet":[{{Set(1024)}}]}]}""").Message);
        Assert.Equal($"spec.egress[0].to[0].ipBlock: {TooManyPrefixes}", Decoding.Knp($$"""{"podSelector":{},"egress":[{"to":[{"ipBlock":{{Set(1024)}}}]}]}""").Message);
    }

    [Fact]
    public void Ports_icmp_types_and_cidrs()
    {
        var rule = Decoding.Cnp("""
            {"endpointSelector":{},
             "egress":[{"toCIDR":["192.0.2.1","0.0.0.0/0"],"toPorts":[{"ports":[{"port":"DNS-TCP","protocol":"TCP"},{"port":"1000","endPort":2000,"protocol":"UDP"},{"port":"0","protocol":"SCTP"}]}]}],
             "egressDeny":[{"toCIDRSet":[{"cidr":"10.0.0.0/8","except":["10.128.0.0/9"]}],"icmps":[{"fields":[{"type":"EchoRequest"},{"family":"IPv6","type":"EchoRequest"},{"type":3}]}]}]}
            """).Rule();
        var allow = Assert.Single(rule.Egress.Allow);
        Assert.Equal([new CidrPeer(Prefix.Parse("192.0.2.1/32"), false), new CidrPeer(Prefix.Parse("0.0.0.0/0"), true)], allow.Peers);
        Assert.Equal(
            [new PortMatch(L4Protocol.Tcp, 0, 0, "dns-tcp"), new PortMatch(L4Protocol.Udp, 1000, 2000), new PortMatch(L4Protocol.Sctp, 0, 65535)], allow.Ports);
        var deny = Assert.Single(rule.Egress.Deny);
        Assert.Equal([new CidrPeer(Prefix.Parse("10.0.0.0/9"), false)], deny.Peers);
        Assert.Equal([PortMatch.OfIcmp(false, 8), PortMatch.OfIcmp(true, 128), PortMatch.OfIcmp(false, 3)], deny.Ports);
    }

    [Fact]
    public void Cluster_wide_peers_mean_any_pod_and_the_subject_is_not_scoped()
    {
        var rule = Decoding.Ccnp("""{"endpointSelector":{},"ingress":[{"fromEndpoints":[{}]}]}""").Rule();
        Assert.Equal(LabelSelector.All, rule.Subject);
        Assert.Equal(
            [new LabelPeer(LabelSelector.Create(LabelRequirement.Create("k8s:io.kubernetes.pod.namespace", SelectorOperator.Exists)))],
            rule.Ingress.Allow[0].Peers);
    }

    [Fact]
    public void A_label_that_identities_do_not_have_earns_a_warning()
    {
        var policy = Decoding.Cnp("""{"endpointSelector":{"matchLabels":{"pod-template-hash":"x"}},"ingress":[{}]}""");
        Assert.True(policy.IsValid);
        Assert.Equal("spec.endpointSelector.matchLabels.pod-template-hash", Assert.Single(policy.Warnings).Path);
    }

    [Fact]
    public void A_subject_of_another_namespace_is_overwritten_with_a_warning()
    {
        var policy = Decoding.Cnp("""{"endpointSelector":{"matchLabels":{"k8s:io.kubernetes.pod.namespace":"n1"}},"ingress":[{}]}""");
        Assert.Equal(LabelSelector.Parse("k8s:io.kubernetes.pod.namespace=n0"), policy.Rule().Subject);
        Assert.Equal("spec.endpointSelector", Assert.Single(policy.Warnings).Path);
    }

    /// <summary>Only the label is overwritten, as upstream does: whatever else is asked of the namespace stays, and selects nobody.</summary>
    [Theory]
    [InlineData("""{"matchExpressions":[{"key":"k8s:io.kubernetes.pod.namespace","operator":"In","values":["n1"]}]}""", "k8s:io.kubernetes.pod.namespace=n1")]
    [InlineData("""{"matchLabels":{"io.kubernetes.pod.namespace":"n1"}}""", "any:io.kubernetes.pod.namespace=n1")]
    public void A_subject_asked_to_be_of_another_namespace_in_other_ways_selects_nobody_with_a_warning(string selector, string kept)
    {
        var policy = Decoding.Cnp($$$"""{"endpointSelector":{{{selector}}},"ingress":[{}]}""");
        Assert.Equal(LabelSelector.Parse(kept, "k8s:io.kubernetes.pod.namespace=n0"), policy.Rule().Subject);
        Assert.False(policy.Rule().Subject.Matches(LabelSet.Parse("k8s:io.kubernetes.pod.namespace=n0")));
        Assert.False(policy.Rule().Subject.Matches(LabelSet.Parse("k8s:io.kubernetes.pod.namespace=n1")));
        Assert.Equal("spec.endpointSelector", Assert.Single(policy.Warnings).Path);
    }

    [Fact]
    public void Labels_of_namespaces_and_reserved_labels_are_keys_like_others()
    {
        var rule = Decoding.Cnp("""
            {"endpointSelector":{},"ingress":[{"fromEndpoints":[
              {"matchLabels":{"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name":"n1"}},
              {"matchLabels":{"reserved:health":""}}]}]}
            """).Rule();
        Assert.Equal(
            [
                new LabelPeer(LabelSelector.Parse("k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=n1")),
                new LabelPeer(LabelSelector.Parse("reserved:health=")),
            ],
            rule.Ingress.Allow[0].Peers);
    }
}
