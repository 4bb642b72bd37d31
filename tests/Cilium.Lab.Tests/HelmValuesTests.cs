using System.Collections;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Configuration;
using Cilium.ControlPlane.Operator;
using Cilium.Lab.Installing;
using Cilium.Lab.Json;

namespace Cilium.Lab.Tests;

public sealed class HelmValuesTests
{
    [Fact]
    public void Later_files_and_settings_win()
    {
        var values = HelmValues.Merge(
            [("one", "ipam:\n  mode: kubernetes\nrealm: {a: 1}\n"), ("two", "ipam:\n  mode: cluster-pool\n")],
            ["ipam.operator.clusterPoolIPv4PodCIDRList={10.1.0.0/16,10.2.0.0/16},cluster.id=3", "realm=null"]);

        Assert.Equal("cluster-pool", values.Text("ipam", "mode"));
        Assert.Equal(2, values.Items("ipam", "operator", "clusterPoolIPv4PodCIDRList").Count());
        Assert.Equal(3, values.Number("cluster", "id"));
        Assert.Null(values["realm"]);
    }

    [Fact]
    public void Values_become_keys_of_the_configuration()
    {
        var configuration = Render("""
            cluster:
              name: kind-kind
            ipam:
              mode: cluster-pool
              operator:
                clusterPoolIPv4MaskSize: 29
                clusterPoolIPv4PodCIDRList:
                  - 10.0.42.0/28
                  - 10.0.84.0/28
            operator:
              replicas: 1
            routingMode: tunnel
            tunnelProtocol: vxlan
            """);

        Assert.Equal("kind-kind", configuration["cluster-name"]);
        Assert.Equal("10.0.42.0/28 10.0.84.0/28", configuration["cluster-pool-ipv4-cidr"]);
        Assert.Equal("29", configuration["cluster-pool-ipv4-mask-size"]);
        Assert.Equal("false", configuration["enable-ipv6"]);
    }

    [Theory]
    [InlineData("kubeProxyReplacement: true\nk8sServiceHost: kind-control-plane\nk8sServicePort: 6443\n", "kube-proxy-replacement", "true")]
    [InlineData("ipv6:\n  enabled: true\nipam:\n  mode: kubernetes\n", "enable-ipv6", "true")]
    [InlineData("ipam:\n  mode: kubernetes\n", "ipam", "kubernetes")]
    [InlineData("cni:\n  customConf: true\n", "custom-cni-conf", "true")]
    public void Single_values_are_rendered(string yaml, string key, string expected) => Assert.Equal(expected, Render(yaml)[key]);

    [Fact]
    public void Unknown_values_are_refused_by_name_all_at_once()
    {
        var refusal = Assert.Throws<UnknownValuesException>(() => Render("ipam:\n  mod: x\nfoo:\n  bar: 1\nhubble:\n  relay:\n    enabled: true\n"));

        Assert.Equal(3, refusal.Problems.Count);
        Assert.Contains(refusal.Problems, problem => problem.Contains("ipam.mod", StringComparison.Ordinal));
        Assert.Contains(refusal.Problems, problem => problem.Contains("foo.bar", StringComparison.Ordinal));
        Assert.Contains(refusal.Problems, problem => problem.StartsWith("hubble.relay.enabled", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("tunnelProtocol: geneve\n", "tunnelProtocol: a tunnel other than VXLAN is not available in this version")]
    [InlineData("egressGateway:\n  enabled: true\n", "egressGateway.enabled: the egress gateway is not available in this version")]
    [InlineData("l7Proxy: true\npolicyAuditMode: true\n", "policyAuditMode: policy audit mode is not available in this version")]
    [InlineData("gatewayAPI:\n  enabled: true\n", "gatewayAPI.enabled: the gateway API is not available in this version")]
    [InlineData("extraConfig:\n  enable-wireguard: \"true\"\n", "extraConfig.enable-wireguard: WireGuard is not available in this version")]
    public void What_the_agent_or_the_operator_would_refuse_is_refused_by_the_name_of_the_value(string yaml, string problem) =>
        Assert.Equal([problem], Assert.Throws<UnknownValuesException>(() => Render(yaml)).Problems);

    [Theory]
    [InlineData("tunnelProtocol: \"\"\nl7Proxy: true\n", "tunnel-protocol", "vxlan")]
    [InlineData("l7Proxy: false\n", "enable-l7-proxy", "false")]
    [InlineData("bgpControlPlane:\n  enabled: true\n", "enable-bgp-control-plane", "true")]
    [InlineData("l2announcements:\n  enabled: true\n", "enable-l2-announcements", "true")]
    public void What_they_accept_is_rendered(string yaml, string key, string expected) => Assert.Equal(expected, Render(yaml)[key]);

    [Fact]
    public void The_refused_values_are_those_of_the_schemas()
    {
        foreach (var (key, (feature, accepted)) in ValueKeys.AbsentKeys)
        {
            Assert.All([.. accepted, "something else"], value => Assert.Equal(accepted.Contains(value), IsAccepted(key, value)));
            Assert.Contains($"{feature} (not available)", Schemas().Where(entry => entry.Key == key).Select(entry => entry.Description));
        }

        Assert.Equal(
            Schemas().Where(entry => entry.Description.EndsWith("(not available)", StringComparison.Ordinal)).Select(entry => entry.Key).Distinct().Order(StringComparer.Ordinal),
            ValueKeys.AbsentKeys.Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("{}", "true")]
    [InlineData("hubble:\n  tls:\n    enabled: false\n", "true")]
    [InlineData("hubble:\n  tls:\n    enabled: true\n", "false")]
    public void Hubble_speaks_plain_text_unless_TLS_was_asked_for(string values, string disabled) =>
        Assert.Equal(disabled, Render(values)["hubble-disable-tls"]);

    [Fact]
    public void A_file_that_is_no_yaml_is_named() =>
        Assert.Contains("bad.yaml", Assert.Throws<FormatException>(() => HelmValues.Merge([("bad.yaml", "a: [")], [])).Message, StringComparison.Ordinal);

    private static IEnumerable<(string Key, string Description)> Schemas() => AgentOptions.Schema().Keys.Concat(OperatorOptionKeys.Create().Keys);

    // A key that a program does not know is none of its business.
    private static bool IsAccepted(string key, string value)
    {
        try
        {
            var values = new ConfigValues([new(key, value)], new Hashtable(), null);
            _ = AgentOptions.Schema().Bind(values, new AgentOptions());
            _ = OperatorOptionKeys.Create().Bind(values, new OperatorOptions());
            return true;
        }
        catch (ConfigurationException)
        {
            return false;
        }
    }

    private static SortedDictionary<string, string> Render(string yaml) => CiliumConfiguration.Render(HelmValues.Merge([("values", yaml)], []));
}
