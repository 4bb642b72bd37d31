using System.Collections;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Configuration;
using Cilium.Hubble.Observing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Cilium.ControlPlane.Tests.Agent;

public sealed class AgentCommandLineTests
{
    [Fact]
    public void Flags_beat_variables_which_beat_files()
    {
        var directory = Directory.CreateTempSubdirectory("cilium-config-").FullName;
        File.WriteAllText(Path.Combine(directory, "cluster-name"), "from-file\n");
        File.WriteAllText(Path.Combine(directory, "ipam"), "kubernetes");
        File.WriteAllText(Path.Combine(directory, "enable-ipv6"), "true");
        File.WriteAllText(Path.Combine(directory, "no-such-key"), "1");
        var options = AgentCommandLine.Read(
            ["--config-dir", directory, "--enable-ipv6=false", "--cni-exclusive"],
            new Hashtable { ["K8S_NODE_NAME"] = "node-a", ["CILIUM_CLUSTER_NAME"] = "from-variable" },
            out var unknown);
        Directory.Delete(directory, recursive: true);
        Assert.Equal("node-a", options.NodeName);
        Assert.Equal("from-variable", options.ClusterName);
        Assert.Equal("kubernetes", options.Ipam);
        Assert.False(options.Datapath.EnableIPv6);
        Assert.True(options.CniExclusive);
        Assert.Equal(["no-such-key"], unknown);
    }

    [Theory]
    [InlineData("--ipam=eni", "ipam")]
    [InlineData("--tunnel-protocol=geneve", "tunnel-protocol")]
    [InlineData("--mtu=lots", "mtu")]
    [InlineData("--mtu=500", "mtu")]
    [InlineData("--bpf-map-dynamic-size-ratio=1.5", "bpf-map-dynamic-size-ratio")]
    [InlineData("--labels=k8s:[", "labels")]
    [InlineData("--ipv4-native-routing-cidr=10.0.0.0/8,172.16.0.0/12", "ipv4-native-routing-cidr")]
    [InlineData("--ipv4-native-routing-cidr=10.0.0.0/8 172.16.0.0/12", "ipv4-native-routing-cidr")]
    [InlineData("--ipv4-native-routing-cidr=fd00::/8", "ipv4-native-routing-cidr")]
    [InlineData("--ipv6-native-routing-cidr=fc00::/8,fd00::/8", "ipv6-native-routing-cidr")]
    [InlineData("--ipv6-native-routing-cidr=::/0", "ipv6-native-routing-cidr")]
    [InlineData("--no-such-flag", "no-such-flag")]
    [InlineData("--hubble-event-buffer-capacity=4096", "hubble-event-buffer-capacity")]
    [InlineData("--enable-ipv4=false", "enable-ipv6")]
    public void Wrong_values_are_named(string flag, string key)
    {
        var exception = Assert.Throws<ConfigurationException>(
            () => AgentCommandLine.Read([flag], new Hashtable { ["K8S_NODE_NAME"] = "node-a" }, out _));
        Assert.Contains(key, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_family_has_one_native_range()
    {
        var options = AgentCommandLine.Read(
            ["--ipv6-native-routing-cidr=fd00::/8", "--ipv4-native-routing-cidr=0.0.0.0/0"], new Hashtable { ["K8S_NODE_NAME"] = "node-a" }, out _);
        Assert.Equal(["0.0.0.0/0", "fd00::/8"], options.Datapath.NativeRoutingPrefixes.Select(prefix => prefix.ToString()).Order(StringComparer.Ordinal));
        options.Datapath.Validate();
        options = AgentCommandLine.Read(["--ipv4-native-routing-cidr="], new Hashtable { ["K8S_NODE_NAME"] = "node-a" }, out _);
        Assert.Empty(options.Datapath.NativeRoutingPrefixes);
    }

    [Theory]
    [InlineData("enable-bgp-control-plane")]
    [InlineData("enable-l2-announcements")]
    public void A_switch_that_only_the_operator_has_is_told_and_does_not_stop_the_agent(string key)
    {
        var directory = Directory.CreateTempSubdirectory("agent-config").FullName;
        File.WriteAllText(Path.Combine(directory, key), "true\n");
        AgentCommandLine.Read(["--config-dir", directory], new Hashtable { ["K8S_NODE_NAME"] = "node-a" }, out var unknown);
        Directory.Delete(directory, recursive: true);
        Assert.Equal([key], unknown);
    }

    [Theory]
    [InlineData("bpf-lb-sock-hostns-only", "true", "false")]
    [InlineData("nodeport-addresses", "10.0.0.0/8", "")]
    [InlineData("bpf-lb-mode", "dsr", "snat")]
    [InlineData("bpf-lb-mode", "hybrid", "")]
    [InlineData("bpf-lb-acceleration", "native", "disabled")]
    [InlineData("bpf-lb-acceleration", "best-effort", "")]
    [InlineData("bpf-lb-external-clusterip", "true", "false")]
    [InlineData("enable-ip-masq-agent", "true", "false")]
    [InlineData("policy-cidr-match-mode", "nodes", "")]
    public void What_would_change_traffic_and_is_not_there_stops_the_agent(string key, string refused, string accepted)
    {
        Assert.Contains(key, Assert.Throws<ConfigurationException>(() => Read($"--{key}={refused}")).Message, StringComparison.Ordinal);
        Assert.Equal("node-a", Read($"--{key}={accepted}").NodeName);
    }

    [Theory]
    [InlineData("true", "false", true)]
    [InlineData("false", "false", false)]
    [InlineData("false", "true", true)]
    public void Replacing_kube_proxy_translates_at_socket_calls_whatever_their_own_key_says(string replacement, string sockets, bool expected) =>
        Assert.Equal(expected, Read($"--bpf-lb-sock={sockets}", $"--kube-proxy-replacement={replacement}").Datapath.EnableSocketLoadBalancing);

    [Fact]
    public void Given_map_sizes_reach_the_datapath()
    {
        string[] flags = ["--bpf-ct-global-tcp-max=20000", "--bpf-ct-global-any-max=10000", "--bpf-nat-global-max=5000", "--bpf-sock-rev-map-max=4000"];
        var datapath = AgentCommandLine.Read(flags, new Hashtable { ["K8S_NODE_NAME"] = "node-a" }, out _).Datapath;
        Assert.Equal((30000u, 5000u, 4000u), (datapath.ConntrackEntries, datapath.SnatEntries, datapath.SocketRevNatEntries));
    }

    [Fact]
    public void Hubble_speaks_TLS_unless_it_is_told_not_to()
    {
        var options = Read("--enable-hubble=true", "--hubble-listen-address=:4244");
        Assert.False(Hubble(options).DisableTls);
        Assert.True(Hubble(Read("--enable-hubble=true", "--hubble-disable-tls=true")).DisableTls);
    }

    [Fact]
    public void The_TLS_files_of_upstreams_configuration_reach_Hubble()
    {
        var hubble = Hubble(Read(
            "--enable-hubble=true",
            "--hubble-disable-tls=false",
            "--hubble-tls-cert-file=/var/lib/cilium/tls/hubble/server.crt",
            "--hubble-tls-key-file=/var/lib/cilium/tls/hubble/server.key",
            "--hubble-tls-client-ca-files=/var/lib/cilium/tls/hubble/client-ca.crt /etc/ca.crt"));
        Assert.Equal(
            (false, "/var/lib/cilium/tls/hubble/server.crt", "/var/lib/cilium/tls/hubble/server.key"),
            (hubble.DisableTls, hubble.TlsCertFile, hubble.TlsKeyFile));
        Assert.Equal(["/var/lib/cilium/tls/hubble/client-ca.crt", "/etc/ca.crt"], hubble.TlsClientCaFiles);
    }

    [Theory]
    [InlineData("--custom-cni-conf=true", true)]
    [InlineData("--custom-cni-conf=false", false)]
    public void The_configuration_of_the_CNI_may_be_somebody_elses(string flag, bool isCustom) => Assert.Equal(isCustom, Read(flag).CustomCniConfiguration);

    [Fact]
    public void A_node_name_is_required() =>
        Assert.Contains("k8s-node-name", Assert.Throws<ConfigurationException>(() => AgentCommandLine.Read([], new Hashtable(), out _)).Message, StringComparison.Ordinal);

    private static AgentOptions Read(params string[] flags) => AgentCommandLine.Read(flags, new Hashtable { ["K8S_NODE_NAME"] = "node-a" }, out _);

    private static HubbleOptions Hubble(AgentOptions options) =>
        new ServiceCollection().AddCiliumAgentHubble(options).BuildServiceProvider().GetRequiredService<IOptions<HubbleOptions>>().Value;
}
