using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Cilium.Hosts.Cni;
using Cilium.Hosts.Cni.Devices;

namespace Cilium.Api.Tests.Cni;

public sealed class CniDispatcherTests
{
    private readonly FakePodNetwork _network = new();
    private TimeSpan _patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Add_gives_interfaces_addresses_and_routes_and_the_agent_an_endpoint()
    {
        await using var agent = await FakeAgent.StartAsync();
        var (code, output) = await CallAsync("ADD", agent.SocketPath, "1.1.0");

        Assert.Equal(0, code);
        using var document = JsonDocument.Parse(output);
        var root = document.RootElement;
        Assert.Equal("1.1.0", root.GetProperty("cniVersion").GetString());
        var interfaces = root.GetProperty("interfaces");
        Assert.Equal(PodDevice.HostNameOf("c1", "eth0"), interfaces[0].GetProperty("name").GetString());
        Assert.False(interfaces[0].TryGetProperty("sandbox", out _));
        Assert.Equal("eth0", interfaces[1].GetProperty("name").GetString());
        Assert.Equal("/run/netns/c1", interfaces[1].GetProperty("sandbox").GetString());
        var address = root.GetProperty("ips")[0];
        Assert.Equal("10.1.0.11/32", address.GetProperty("address").GetString());
        Assert.Equal("10.1.0.1", address.GetProperty("gateway").GetString());
        Assert.Equal(1, address.GetProperty("interface").GetInt32());
        Assert.Equal("10.1.0.1/32", root.GetProperty("routes")[0].GetProperty("dst").GetString());
        Assert.Equal("0.0.0.0/0", root.GetProperty("routes")[1].GetProperty("dst").GetString());
        Assert.Equal(1450, root.GetProperty("routes")[1].GetProperty("mtu").GetInt32());

        var endpoint = Assert.Single(agent.Endpoints).Value;
        Assert.True(endpoint.SyncBuildEndpoint);
        Assert.Equal("default", endpoint.K8sNamespace);
        Assert.Equal("pod-a", endpoint.K8sPodName);
        Assert.Equal("u-4", endpoint.Addressing!.Ipv4ExpirationUuid);
        Assert.Equal("4711", endpoint.NetnsCookie);
        Assert.Equal("default/pod-a", agent.Addresses["10.1.0.11"]);
    }

    [Theory]
    [InlineData("0.3.1", true)]
    [InlineData("0.4.0", true)]
    [InlineData("1.0.0", false)]
    public async Task Results_have_the_address_version_only_before_1_0(string version, bool hasVersion)
    {
        await using var agent = await FakeAgent.StartAsync(hasIPv6: true);
        var (code, output) = await CallAsync("ADD", agent.SocketPath, version);
        Assert.Equal(0, code);
        using var document = JsonDocument.Parse(output);
        var addresses = document.RootElement.GetProperty("ips");
        Assert.Equal(2, addresses.GetArrayLength());
        Assert.Equal(hasVersion, addresses[1].TryGetProperty("version", out _));
        Assert.EndsWith("/128", addresses[1].GetProperty("address").GetString());
        Assert.False(document.RootElement.GetProperty("interfaces")[1].TryGetProperty("mtu", out _));
    }

    [Fact]
    public async Task A_refused_endpoint_leaks_neither_address_nor_device()
    {
        await using var agent = await FakeAgent.StartAsync(hasIPv6: true);
        agent.RefuseEndpoints = 500;
        var (code, output) = await CallAsync("ADD", agent.SocketPath, "1.0.0");
        Assert.Equal(1, code);
        Assert.Equal(100, ErrorCode(output));
        Assert.Empty(agent.Addresses);
        Assert.Empty(_network.Devices);
        Assert.Empty(agent.Endpoints);
    }

    [Fact]
    public async Task A_device_that_cannot_be_made_leaks_no_address()
    {
        await using var agent = await FakeAgent.StartAsync();
        _network.FailsToCreate = true;
        var (code, output) = await CallAsync("ADD", agent.SocketPath, "1.0.0");
        Assert.Equal(1, code);
        Assert.Equal(101, ErrorCode(output));
        Assert.Empty(agent.Addresses);
    }

    [Fact]
    public async Task Add_without_an_agent_asks_to_try_again()
    {
        var (code, output) = await CallAsync("ADD", Path.Combine(FakeAgent.NewDirectory(), "cilium.sock"), "1.0.0");
        Assert.Equal(1, code);
        Assert.Equal(11, ErrorCode(output));
    }

    [Fact]
    public async Task Del_twice_is_success()
    {
        await using var agent = await FakeAgent.StartAsync();
        await CallAsync("ADD", agent.SocketPath, "1.0.0");
        Assert.Equal(0, (await CallAsync("DEL", agent.SocketPath, "1.0.0")).Code);
        Assert.Equal(0, (await CallAsync("DEL", agent.SocketPath, "1.0.0")).Code);
        Assert.Empty(agent.Endpoints);
        Assert.Empty(_network.Devices);
    }

    [Fact]
    public async Task Del_with_the_agent_away_queues_once_and_deletes_the_device()
    {
        var agent = await FakeAgent.StartAsync();
        await CallAsync("ADD", agent.SocketPath, "1.0.0");
        await agent.StopAsync();
        Assert.Equal(0, (await CallAsync("DEL", agent.SocketPath, "1.0.0")).Code);
        Assert.Equal(0, (await CallAsync("DEL", agent.SocketPath, "1.0.0")).Code);
        Assert.Empty(_network.Devices);

        var queue = new DeletionQueue(DeletionQueue.DirectoryBelow(agent.Directory));
        Assert.Equal("c1", Assert.Single(queue.Read()).Request!.ContainerId);

        await agent.DisposeAsync();
    }

    [Fact]
    public async Task Del_with_an_agent_that_never_answers_queues_and_deletes_the_device()
    {
        await using var agent = await FakeAgent.StartAsync();
        await CallAsync("ADD", agent.SocketPath, "1.0.0");
        await agent.StopAsync();
        using var silent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        silent.Bind(new UnixDomainSocketEndPoint(agent.SocketPath));
        silent.Listen();
        _patience = TimeSpan.FromSeconds(3);
        Assert.Equal(0, (await CallAsync("DEL", agent.SocketPath, "1.0.0")).Code);
        Assert.Empty(_network.Devices);

        var queue = new DeletionQueue(DeletionQueue.DirectoryBelow(agent.Directory));
        Assert.Equal("c1", Assert.Single(queue.Read()).Request!.ContainerId);
    }

    [Fact]
    public async Task Del_of_all_pods_of_a_node_is_queued_while_a_slow_agent_starts()
    {
        await using var agent = await FakeAgent.StartAsync();
        agent.RefuseDeletions = 503;
        agent.RefusalTakes = TimeSpan.FromMilliseconds(100);
        _patience = TimeSpan.FromSeconds(6);
        var containers = Enumerable.Range(1, 60).Select(number => $"c{number}").ToList();
        // A process each, in life: a call blocks its thread.
        var calls = containers.Select(container => Task.Factory.StartNew(
            () => CallAsync("DEL", agent.SocketPath, "1.0.0", container: container), default, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap());
        Assert.All(await Task.WhenAll(calls), call => Assert.Equal((0, ""), call));

        var queue = new DeletionQueue(DeletionQueue.DirectoryBelow(agent.Directory));
        Assert.Equal(containers.Order(), queue.Read().Select(entry => entry.Request!.ContainerId).Order());
    }

    [Fact]
    public async Task Del_leaves_nothing_queued_when_the_agent_answers_after_all()
    {
        await using var agent = await FakeAgent.StartAsync();
        await CallAsync("ADD", agent.SocketPath, "1.0.0");
        agent.RefuseDeletions = 503;
        agent.Refused = () => agent.RefuseDeletions = 0;
        Assert.Equal(0, (await CallAsync("DEL", agent.SocketPath, "1.0.0")).Code);
        Assert.Empty(agent.Endpoints);
        Assert.Empty(new DeletionQueue(DeletionQueue.DirectoryBelow(agent.Directory)).Read());
    }

    [Fact]
    public async Task Del_tells_an_error_of_the_agent_once_the_device_is_gone()
    {
        await using var agent = await FakeAgent.StartAsync();
        await CallAsync("ADD", agent.SocketPath, "1.0.0");
        agent.RefuseDeletions = 500;
        var (code, output) = await CallAsync("DEL", agent.SocketPath, "1.0.0");
        Assert.Equal(1, code);
        Assert.Equal(100, ErrorCode(output));
        Assert.Empty(_network.Devices);

        agent.RefuseDeletions = 0;
        Assert.Equal(0, (await CallAsync("DEL", agent.SocketPath, "1.0.0")).Code);
        Assert.Empty(agent.Endpoints);
    }

    [Fact]
    public async Task Check_compares_the_pod_with_the_previous_result()
    {
        await using var agent = await FakeAgent.StartAsync();
        var (_, result) = await CallAsync("ADD", agent.SocketPath, "1.0.0");
        Assert.Equal(0, (await CallAsync("CHECK", agent.SocketPath, "1.0.0", $",\"prevResult\":{result}")).Code);

        var other = result.Replace("10.1.0.11", "10.1.0.99", StringComparison.Ordinal);
        Assert.Equal(102, ErrorCode((await CallAsync("CHECK", agent.SocketPath, "1.0.0", $",\"prevResult\":{other}")).Output));

        agent.Endpoints.Clear();
        Assert.Equal(3, ErrorCode((await CallAsync("CHECK", agent.SocketPath, "1.0.0", $",\"prevResult\":{result}")).Output));
        Assert.Equal(7, ErrorCode((await CallAsync("CHECK", agent.SocketPath, "1.0.0")).Output));
    }

    [Fact]
    public async Task Status_tells_whether_the_agent_is_ready()
    {
        await using var agent = await FakeAgent.StartAsync();
        Assert.Equal(0, (await CallAsync("STATUS", agent.SocketPath, "1.1.0")).Code);
        agent.IsReady = false;
        Assert.Equal(50, ErrorCode((await CallAsync("STATUS", agent.SocketPath, "1.1.0")).Output));
        await agent.StopAsync();
        Assert.Equal(50, ErrorCode((await CallAsync("STATUS", agent.SocketPath, "1.1.0")).Output));
    }

    [Fact]
    public async Task Gc_removes_only_attachments_that_are_not_valid()
    {
        await using var agent = await FakeAgent.StartAsync();
        await CallAsync("ADD", agent.SocketPath, "1.1.0");
        await CallAsync("ADD", agent.SocketPath, "1.1.0", container: "c2");
        var (code, _) = await CallAsync(
            "GC", agent.SocketPath, "1.1.0", ",\"cni.dev/valid-attachments\":[{\"containerID\":\"c2\",\"ifname\":\"eth0\"}]");
        Assert.Equal(0, code);
        Assert.Equal("c2:eth0", Assert.Single(agent.Endpoints).Key);
        Assert.Equal(PodDevice.HostNameOf("c2", "eth0"), Assert.Single(_network.Devices).Key);
    }

    [Theory]
    [InlineData("cni.dev/valid-attachments")]
    [InlineData("cni.dev/attachments")] // as the first text of 1.1.0 has it
    public async Task Gc_knows_both_names_of_the_valid_attachments(string key)
    {
        await using var agent = await FakeAgent.StartAsync();
        await CallAsync("ADD", agent.SocketPath, "1.1.0");
        Assert.Equal(0, (await CallAsync("GC", agent.SocketPath, "1.1.0", $",\"{key}\":[{{\"containerID\":\"c1\",\"ifname\":\"eth0\"}}]")).Code);
        Assert.Single(agent.Endpoints);
        Assert.Single(_network.Devices);

        Assert.Equal(7, ErrorCode((await CallAsync("GC", agent.SocketPath, "1.1.0", $",\"{key}\":\"c1\"")).Output));
        Assert.Single(_network.Devices);

        Assert.Equal(0, (await CallAsync("GC", agent.SocketPath, "1.1.0", $",\"{key}\":null")).Code);
        Assert.Empty(agent.Endpoints);
        Assert.Empty(_network.Devices);
    }

    [Fact]
    public async Task Gc_that_is_not_told_what_is_valid_removes_nothing()
    {
        await using var agent = await FakeAgent.StartAsync();
        await CallAsync("ADD", agent.SocketPath, "1.1.0");
        Assert.Equal(7, ErrorCode((await CallAsync("GC", agent.SocketPath, "1.1.0")).Output));
        Assert.Single(agent.Endpoints);
        Assert.Single(_network.Devices);
    }

    [Fact]
    public async Task Gc_goes_on_after_a_refusal_and_tells_it_at_the_end()
    {
        await using var agent = await FakeAgent.StartAsync();
        foreach (var container in (string[])["c1", "c2", "c3"]) await CallAsync("ADD", agent.SocketPath, "1.1.0", container: container);
        agent.RefusedEndpoints.UnionWith(agent.Endpoints.Keys.Take(2));
        var (code, output) = await CallAsync("GC", agent.SocketPath, "1.1.0", ",\"cni.dev/valid-attachments\":[]");

        Assert.Equal(1, code);
        Assert.Equal(100, ErrorCode(output));
        Assert.All(agent.RefusedEndpoints, attachment => Assert.Contains(Uri.EscapeDataString(attachment), output, StringComparison.Ordinal));
        Assert.Equal(agent.RefusedEndpoints.Order(), agent.Endpoints.Keys.Order());
        Assert.Empty(_network.Devices);
    }

    [Theory]
    [InlineData("10.1.0.1/32", "10.1.0.7/32")]
    [InlineData("0.0.0.0/0", "172.16.0.0/12")]
    [InlineData("\"gw\":\"10.1.0.1\"", "\"gw\":\"10.1.0.7\"")]
    [InlineData("fd00::1/128", "fd00::7/128")]
    [InlineData("::/0", "2000::/3")]
    [InlineData("\"gw\":\"fd00::1\"", "\"gw\":\"fd00::7\"")]
    public async Task Check_misses_the_routes_that_are_gone(string present, string absent)
    {
        await using var agent = await FakeAgent.StartAsync(hasIPv6: true);
        var (_, result) = await CallAsync("ADD", agent.SocketPath, "1.0.0");
        Assert.Equal((0, ""), await CallAsync("CHECK", agent.SocketPath, "1.0.0", $",\"prevResult\":{result}"));

        Assert.Contains(present, result, StringComparison.Ordinal);
        var other = result.Replace(present, absent, StringComparison.Ordinal);
        Assert.Equal(102, ErrorCode((await CallAsync("CHECK", agent.SocketPath, "1.0.0", $",\"prevResult\":{other}")).Output));
    }

    [Fact]
    public async Task Check_refuses_a_route_that_is_none()
    {
        await using var agent = await FakeAgent.StartAsync();
        var (_, result) = await CallAsync("ADD", agent.SocketPath, "1.0.0");
        var other = result.Replace("0.0.0.0/0", "everywhere", StringComparison.Ordinal);
        Assert.Equal(7, ErrorCode((await CallAsync("CHECK", agent.SocketPath, "1.0.0", $",\"prevResult\":{other}")).Output));
    }

    [Fact]
    public async Task Version_lists_what_is_spoken()
    {
        var (code, output) = await CallAsync("VERSION", "/nowhere", "1.0.0");
        Assert.Equal(0, code);
        Assert.Contains("\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CHECK", "0.3.1", 1)]
    [InlineData("GC", "1.0.0", 1)]
    [InlineData("ADD", "9.9.9", 1)]
    [InlineData("NONSENSE", "1.0.0", 4)]
    public async Task Versions_and_commands_that_do_not_fit_are_refused(string command, string version, int expected)
    {
        var (code, output) = await CallAsync(command, "/nowhere", version);
        Assert.Equal(1, code);
        Assert.Equal(expected, ErrorCode(output));
    }

    [Theory]
    [InlineData("{", 6)]
    [InlineData("[]", 6)]
    [InlineData("{\"cniVersion\":1}", 7)]
    public async Task Bad_configuration_is_named(string input, int expected)
    {
        var (code, output) = await new CniDispatcher(_network, TimeProvider.System).RunAsync(Environment("ADD", "c1"), Encoding.UTF8.GetBytes(input));
        Assert.Equal(1, code);
        Assert.Equal(expected, ErrorCode(Encoding.UTF8.GetString(output)));
    }

    [Theory]
    [InlineData("CNI_CONTAINERID", "")]
    [InlineData("CNI_CONTAINERID", "../x")]
    [InlineData("CNI_IFNAME", "a/b")]
    [InlineData("CNI_IFNAME", "sixteencharacter")]
    [InlineData("CNI_NETNS", "")]
    [InlineData("CNI_ARGS", "nonsense")]
    public async Task Bad_variables_are_refused(string name, string value)
    {
        var good = Environment("ADD", "c1");
        var (code, output) = await new CniDispatcher(_network, TimeProvider.System)
            .RunAsync(variable => variable == name ? value : good(variable), "{\"cniVersion\":\"1.0.0\"}"u8.ToArray());
        Assert.Equal(1, code);
        Assert.Equal(4, ErrorCode(Encoding.UTF8.GetString(output)));
        Assert.Contains(name, Encoding.UTF8.GetString(output), StringComparison.Ordinal);
    }

    [Fact]
    public void Host_names_are_upstreams() =>
        // printf 'abc:eth0' | sha256sum
        Assert.Equal("lxc" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("abc:eth0"u8))[..12], PodDevice.HostNameOf("abc", "eth0"));

    private static int ErrorCode(string output)
    {
        using var document = JsonDocument.Parse(output);
        Assert.NotEmpty(document.RootElement.GetProperty("msg").GetString()!);
        return document.RootElement.GetProperty("code").GetInt32();
    }

    private static Func<string, string?> Environment(string command, string container) => name => name switch
    {
        "CNI_COMMAND" => command,
        "CNI_CONTAINERID" => container,
        "CNI_NETNS" => $"/run/netns/{container}",
        "CNI_IFNAME" => "eth0",
        "CNI_ARGS" => "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=pod-a;K8S_POD_UID=u1",
        _ => null,
    };

    private async Task<(int Code, string Output)> CallAsync(string command, string socket, string version, string more = "", string container = "c1")
    {
        var input = $"{{\"cniVersion\":\"{version}\",\"name\":\"cilium\",\"type\":\"cilium-cni\",\"socket-path\":\"{socket}\"{more}}}";
        var (code, output) = await new CniDispatcher(_network, TimeProvider.System) { Patience = _patience }.RunAsync(Environment(command, container), Encoding.UTF8.GetBytes(input));
        return (code, Encoding.UTF8.GetString(output));
    }
}
