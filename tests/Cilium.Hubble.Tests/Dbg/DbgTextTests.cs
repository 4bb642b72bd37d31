using System.Text.Json;
using Cilium.Api;
using Cilium.Core;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.LoadBalancing;
using Cilium.Hosts.Dbg.Agent;
using Cilium.Hosts.Dbg.Bpf;
using Cilium.Hosts.Dbg.Output;

namespace Cilium.Hubble.Tests.Dbg;

public sealed class DbgTextTests
{
    [Fact]
    public void Endpoints_are_a_table_with_a_row_for_each_label()
    {
        var endpoint = new EndpointModel
        {
            Id = 123,
            Status = new EndpointStatusModel
            {
                State = "ready",
                Identity = new IdentityModel { Id = 34512, Labels = ["k8s:app=web", "k8s:a=b"] },
                Networking = new EndpointNetworking { Addressing = [new AddressPair { Ipv4 = "10.244.1.5" }] },
                Policy = new EndpointPolicyStatus { Realized = new EndpointPolicy { PolicyEnabled = "ingress" } },
            },
        };
        using var output = new StringWriter();
        EndpointCommands.WriteTable(output, [endpoint]);

        Assert.Equal(
            """
            ENDPOINT   POLICY (ingress)   POLICY (egress)   IDENTITY   LABELS (source:key[=value])   IPv6   IPv4         STATUS
                       ENFORCEMENT        ENFORCEMENT
            123        Enabled            Disabled          34512      k8s:a=b                              10.244.1.5   ready
                                                                       k8s:app=web

            """,
            TrimLines(output));
    }

    [Fact]
    public void Endpoints_are_listed_without_headers_on_demand()
    {
        using var output = new StringWriter();
        EndpointCommands.WriteTable(output, [new EndpointModel { Id = 7, Status = new EndpointStatusModel { State = "ready" } }], withHeaders: false);

        Assert.Equal("7   Disabled   Disabled   <no label id>   no labels         ready\n", output.ToString());
    }

    [Fact]
    public void Source_ranges_tell_the_number_of_their_service() => Assert.Equal(
        ["SOURCE RANGE (REVNAT_ID)", "10.0.0.0/8 (5)", "fd00::/64 (6)"],
        ServiceTables.SourceRanges([(5, Prefix.Parse("10.0.0.0/8")), (6, Prefix.Parse("fd00::/64"))]).Select(row => Assert.Single(row)));

    [Theory]
    [InlineData("Ok", "Failure", "")]
    [InlineData("Ok", "Warning", "")]
    [InlineData("Failure", "Ok", "kubernetes: away")]
    public void Hubble_only_watches_and_does_not_make_the_agent_ill(string kubernetes, string hubble, string expected) => Assert.Equal(
        expected,
        StatusText.Failure(new StatusResponse
        {
            Cilium = new Status { State = "Ok" },
            Kubernetes = new K8sStatus { State = kubernetes, Msg = "away" },
            Hubble = new HubbleStatus { State = hubble, Msg = "address in use" },
        }));

    [Fact]
    public void Services_list_their_backends()
    {
        var service = new ServiceModel
        {
            Spec = new ServiceSpec
            {
                Id = 1,
                FrontendAddress = new FrontendAddress { Ip = "10.96.0.1", Port = 443, Protocol = "tcp" },
                BackendAddresses = [new BackendAddress { Ip = "172.18.0.2", Port = 6443, Protocol = "tcp", State = "active" }, new BackendAddress { Ip = "fd00::2", Port = 6443, Protocol = "tcp" }],
                Flags = new ServiceSpecFlags { Type = "ClusterIP" },
            },
        };
        using var output = new StringWriter();
        ServiceCommand.WriteTable(output, [service], withAffinity: false);

        Assert.Equal(
            """
            ID   Frontend            Service Type   Backend
            1    10.96.0.1:443/TCP   ClusterIP      1 => 172.18.0.2:6443/TCP (active)
                                                    2 => [fd00::2]:6443/TCP (active)

            """,
            TrimLines(output));
    }

    [Fact]
    public void Addresses_are_listed_with_reserved_names()
    {
        using var output = new StringWriter();
        IpCommand.WriteTable(
            output,
            [new IpListEntry { Cidr = "10.0.0.1/32", Identity = 1, Metadata = new IpListEntryMetadata { Source = "local" } }, new IpListEntry { Cidr = "0.0.0.0/0", Identity = 2 }],
            isVerbose: false, isNumeric: false);

        Assert.Equal("IP            IDENTITY         SOURCE\n0.0.0.0/0     reserved:world\n10.0.0.1/32   reserved:host    local\n", TrimLines(output));
    }

    [Theory]
    [InlineData(true, """
          Name               IP           Node        Endpoints
          c/b (localhost)    172.18.0.2   reachable   reachable
          c/a                172.18.0.3   reachable   unreachable
          c/old              172.18.0.4   reachable
        """)]
    [InlineData(false, """
          Name   IP           Node        Endpoints
          c/a    172.18.0.3   reachable   unreachable
        """)]
    public void Nodes_that_are_not_reached_are_listed_and_on_demand_all(bool all, string table)
    {
        var health = new HealthStatusResponse
        {
            Local = new HealthSelf { Name = "c/b" },
            Timestamp = "2026-11-27T12:00:00Z",
            Nodes =
            [
                new NodeHealth { Name = "c/a", Host = Paths("172.18.0.3", ""), HealthEndpoint = Paths("10.0.1.9", "no answer") },
                new NodeHealth { Name = "c/b", Host = Paths("172.18.0.2", ""), HealthEndpoint = Paths("10.0.0.9", "") },
                new NodeHealth { Name = "c/old", Host = Paths("172.18.0.4", "") },
            ],
        };
        var status = new StatusResponse { Cluster = new ClusterStatus { CiliumHealth = new Status { State = "Ok" } } };
        using var output = new StringWriter();
        StatusText.Write(output, status, health, new StatusDetails(false, false, all, false));

        var lines = TrimLines(output).Split('\n');
        var row = Array.FindIndex(lines, line => line.StartsWith("Cluster health:", StringComparison.Ordinal));
        Assert.EndsWith("2/3 reachable   (2026-11-27T12:00:00Z)", lines[row], StringComparison.Ordinal);
        Assert.Equal(table.Split('\n').Select(Squeezed), lines[(row + 1)..^1].Select(Squeezed));

        static string Squeezed(string line) => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        static HealthPaths Paths(string ip, string failure) => new()
        {
            PrimaryAddress = new PathHealth { Ip = ip, Icmp = new ProbeResult { Status = failure }, Http = new ProbeResult { Status = "" } },
        };
    }

    [Fact]
    public void The_status_has_upstreams_rows_in_order()
    {
        var status = new StatusResponse
        {
            Kubernetes = new K8sStatus { State = "Ok", Msg = "1.30 (v1.30.0) [linux/amd64]", K8sApiVersions = ["core/v1::Pods", "cilium/v2::CiliumNode"] },
            KubeProxyReplacement = new KubeProxyReplacement { Mode = "True", DeviceList = [new KubeProxyReplacementDevice { Name = "eth0", Ip = ["172.18.0.2"] }], DirectRoutingDevice = "eth0" },
            Cilium = new Status { State = "Ok", Msg = "1.17.0" },
            Ipam = new IpamStatus { Status = "IPv4: 2/254 allocated from 10.244.1.0/24, ", Allocations = new Dictionary<string, string> { ["10.244.1.9"] = "default/b", ["10.244.1.10"] = "default/a" } },
            Routing = new RoutingStatus { InterHostRoutingMode = "Tunnel", TunnelProtocol = "vxlan", IntraHostRoutingMode = "BPF" },
            AttachMode = "tcx",
            Masquerading = new MasqueradingStatus { Enabled = true, Mode = "BPF", SnatExclusionCidrV4 = "10.244.0.0/16", EnabledProtocols = new FamilySwitches { Ipv4 = true } },
            Controllers = [new ControllerStatus { Name = "x", Status = new ControllerRuns { ConsecutiveFailureCount = 2, LastFailureMsg = "no" } }, new ControllerStatus { Name = "y" }],
            IdentityRange = new IdentityRange { MinIdentity = 256, MaxIdentity = 65535 },
            Hubble = new HubbleStatus { State = "Ok", Observer = new HubbleObserverStatus { CurrentFlows = 10, MaxFlows = 4095, SeenFlows = 20, Uptime = 10_000_000_000 }, Metrics = new HubbleMetricsStatus { State = "Disabled" } },
        };
        using var output = new StringWriter();
        StatusText.Write(output, status, null, new StatusDetails(true, false, false, false));

        Assert.Equal(
            """
            KVStore:                 Disabled
            Kubernetes:              Ok   1.30 (v1.30.0) [linux/amd64]
            Kubernetes APIs:         ["cilium/v2::CiliumNode", "core/v1::Pods"]
            KubeProxyReplacement:    True   [eth0   172.18.0.2 (Direct Routing)]
            SRv6:                    Disabled
            Cilium:                  Ok   1.17.0
            NodeMonitor:             Disabled
            Cilium health daemon:    Disabled
            IPAM:                    IPv4: 2/254 allocated from 10.244.1.0/24,
            Allocated addresses:
              10.244.1.9 (default/b)
              10.244.1.10 (default/a)
            IPv4 BIG TCP:            Disabled
            IPv6 BIG TCP:            Disabled
            BandwidthManager:        Disabled
            Routing:                 Network: Tunnel [vxlan]   Host: BPF
            Attach Mode:             TCX
            Masquerading:            BPF   [eth0]   10.244.0.0/16 [IPv4: Enabled, IPv6: Disabled]
            Controller Status:       1/2 healthy
              Name   Last success   Last error   Count   Message
              x      never          never        2       no
            Proxy Status:            No managed proxy redirect
            Global Identity Range:   min 256, max 65535
            Hubble:                  Ok   Current/Max Flows: 10/4095 (0.24%), Flows/s: 2.00   Metrics: Disabled
            Encryption:              Disabled

            """,
            TrimLines(output));
    }

    [Theory]
    [InlineData("{.a.b}", "1")]
    [InlineData("{.list[*].id}", "1 2")]
    [InlineData("{.list[-1].id}", "2")]
    [InlineData("{range .list[*]}{.id}{\"\\n\"}{end}", "1\n2\n")]
    [InlineData("x={.a['b']} {.none}", "x=1 ")]
    [InlineData("{.m.io\\.cilium}", "yes")]
    [InlineData("{..id}", "1 2")]
    [InlineData("{\"}\"}{.a.b}{'{}'}", "}1{}")]
    [InlineData("{range .list[*]}{\"{\"}{.id}{\"}\"}{end}", "{1}{2}")]
    [InlineData("{\"say \\\"}\\\"\"}", "say \"}\"")]
    [InlineData("{.odd['a}]b']}", "deep")]
    public void Jsonpath_selects(string template, string expected)
    {
        using var document = JsonDocument.Parse("""{"a":{"b":1},"list":[{"id":1},{"id":2}],"m":{"io.cilium":"yes"},"odd":{"a}]b":"deep"}}""");

        Assert.Equal(expected, JsonPath.Format(template, document.RootElement));
    }

    [Theory]
    [InlineData("{\"")]
    [InlineData("{\"}")]
    [InlineData("{\"x}")]
    [InlineData("{.a['b}")]
    [InlineData("{.a['b]}")]
    [InlineData("{.a")]
    public void A_jsonpath_that_does_not_end_is_refused(string template)
    {
        using var document = JsonDocument.Parse("""{"a":{"b":1}}""");

        Assert.Throws<FormatException>(() => JsonPath.Format(template, document.RootElement));
    }

    [Fact]
    public void Yaml_is_written_in_blocks()
    {
        using var document = JsonDocument.Parse("""{"a":{"b":1,"c":[]},"list":[{"id":"1","t":"x y"},["q"]],"s":"a: b"}""");
        using var output = new StringWriter();
        YamlText.Write(output, document.RootElement);

        Assert.Equal("a:\n  b: 1\n  c: []\nlist:\n- id: \"1\"\n  t: x y\n- - q\ns: \"a: b\"\n", output.ToString());
    }

    [Fact]
    public void Load_balancing_rows_show_slot_zero()
    {
        var service = new ServiceEntry(
            5, new L4Address(IpAddr.Parse("10.96.0.10"), 80, L4Protocol.Tcp), FrontendFlags.None,
            [new ServiceBackend(9, new L4Address(IpAddr.Parse("10.0.0.2"), 8080, L4Protocol.Tcp))], true);

        Assert.Equal(
            ["SERVICE ADDRESS|BACKEND ADDRESS (REVNAT_ID) (SLOT)", "10.96.0.10:80/TCP (0)|0.0.0.0:0 (5) (0) [ClusterIP, non-routable]", "10.96.0.10:80/TCP (1)|10.0.0.2:8080/TCP (5) (1)"],
            ServiceTables.Services([service]).Select(row => string.Join('|', row)));
    }

    [Theory]
    [InlineData(FrontendFlags.Routable | FrontendFlags.NodePort, "NodePort")]
    [InlineData(FrontendFlags.Routable | FrontendFlags.LoadBalancer | FrontendFlags.ExternalLocal | FrontendFlags.SourceRange, "LoadBalancer, Local, check source-range")]
    [InlineData(FrontendFlags.Affinity, "ClusterIP, sessionAffinity, non-routable")]
    public void Load_balancing_rows_tell_how_traffic_is_treated(FrontendFlags flags, string expected)
    {
        var service = new ServiceEntry(5, new L4Address(IpAddr.Parse("10.96.0.10"), 80, L4Protocol.Tcp), flags, [], true);

        Assert.Equal($"0.0.0.0:0 (5) (0) [{expected}]", ServiceTables.Services([service])[1][1]);
    }

    private static string TrimLines(StringWriter output) => string.Join('\n', output.ToString().Split('\n').Select(line => line.TrimEnd()));
}
