namespace Cilium.LabTests;

public sealed class ServicesLab() : LabFixture("path", "kube-proxy-replacement.yaml");

/// <summary>Chapters 5 and 6: how packets travel, and services while the agent is away.</summary>
public sealed class DatapathWalkTests(ServicesLab lab) : IClassFixture<ServicesLab>
{
    [Fact]
    public async Task Neighbours_on_a_node_talk_over_point_to_point_devices()
    {
        await lab.ApplyAsync("two-pods-one-node.yaml");
        await lab.PodsReadyAsync("pod-a", "pod-b");
        var address = await lab.ReadAsync("pod pod-b", "{.status.podIP}");

        await lab.PingsAsync("pod-a", "-c", "2", address);
        var (_, inside, _) = await lab.ExecAsync("pod-a", "ip", "address", "show", "eth0");
        Assert.Contains("eth0@if", inside, StringComparison.Ordinal);
        Assert.Contains($"{await lab.ReadAsync("pod pod-a", "{.status.podIP}")}/32", inside, StringComparison.Ordinal);
        var devices = await LabFixture.RunAsync("ip", "-n", lab.Lab.NamespaceOfNode("kind-worker"), "-o", "link");
        foreach (var device in (string[])["cilium_host@cilium_net", "cilium_net@cilium_host", "cilium_vxlan", "lxc"])
            Assert.Contains(device, devices, StringComparison.Ordinal);
        await lab.DeleteAsync("two-pods-one-node.yaml");
    }

    [Fact]
    public async Task The_tunnel_carries_the_senders_identity()
    {
        await lab.ApplyAsync("netshoot-client.yaml", "nginx.yaml");
        await lab.PodsReadyAsync("netshoot-client");
        await lab.PodsReadyAsync("-l", "app.kubernetes.io/name=nginx");
        var address = await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[0].status.podIP}");
        var identity = await LabFixture.EventuallyAsync(() => lab.ReadAsync("ciliumendpoint netshoot-client", "{.status.identity.id}"), id => id.Length > 0);

        var capture = LabFixture.RunAsync(
            "timeout", "--preserve-status", "90", "ip", "netns", "exec", lab.Lab.UnderlayNamespace,
            "tcpdump", "-i", "br0", "-n", "-c", "1", "-v", "-T", "vxlan", $"udp port 8472 and udp[12:4] & 0xffffff00 = {uint.Parse(identity, System.Globalization.CultureInfo.InvariantCulture) << 8}");
        await LabFixture.EventuallyAsync(
            async () =>
            {
                await lab.ExecAsync("netshoot-client", "ping", "-c", "1", "-W", "1", address);
                return capture.IsCompleted;
            },
            done => done, 60);

        Assert.Contains($"vni {identity}", await capture, StringComparison.Ordinal);
        Assert.Contains(address, await capture, StringComparison.Ordinal);
        await lab.DeleteAsync("netshoot-client.yaml", "nginx.yaml");
    }

    [Fact]
    public async Task Services_work_while_the_agent_is_away_and_are_mended_when_it_is_back()
    {
        await lab.ApplyAsync("httpd.yaml", "netshoot-client.yaml");
        await lab.KubectlAsync("rollout", "status", "deployment", "httpd", "--timeout=60s");
        await lab.PodsReadyAsync("netshoot-client");
        await lab.ReachesAsync("netshoot-client", "http://httpd");
        var list = await lab.AgentAsync("kind-worker", "cilium-dbg", "service", "list");
        foreach (var address in (await lab.ReadAsync("pods -l app.kubernetes.io/name=httpd", "{.items[*].status.podIP}")).Split(' '))
            Assert.Matches($@"=> {System.Text.RegularExpressions.Regex.Escape(address)}:80\S* \(active\)", list);

        await lab.KubectlAsync("-n", "kube-system", "patch", "daemonset", "cilium", "--patch", """{"spec":{"template":{"spec":{"nodeSelector":{"not-there":"true"}}}}}""");
        await LabFixture.EventuallyAsync(
            () => lab.KubectlAsync("-n", "kube-system", "get", "pods", "-l", "k8s-app=cilium", "-o", "name"), names => names.Length == 0);
        for (var request = 0; request < 10; request++) Assert.Equal("200", await lab.CurlAsync("netshoot-client", "http://httpd", "--max-time", "10"));
        var backend = (await lab.ReadAsync("pods -l app.kubernetes.io/name=httpd", "{.items[*].metadata.name}")).Split(' ')[0];
        await lab.KubectlAsync("delete", "pod", backend, "--wait=false");

        await lab.KubectlAsync(
            "-n", "kube-system", "patch", "daemonset", "cilium", "--type=json", "--patch", """[{"op":"remove","path":"/spec/template/spec/nodeSelector/not-there"}]""");
        await lab.KubectlAsync("-n", "kube-system", "rollout", "status", "daemonset", "cilium", "--timeout=90s");
        await lab.KubectlAsync("rollout", "status", "deployment", "httpd", "--timeout=60s");
        await LabFixture.EventuallyAsync(
            async () =>
            {
                var good = 0;
                for (var request = 0; request < 10; request++) good += await lab.CurlAsync("netshoot-client", "http://httpd") == "200" ? 1 : 0;
                return good;
            },
            good => good == 10, 60);
        var live = (await lab.ReadAsync("pods -l app.kubernetes.io/name=httpd", "{.items[*].status.podIP}")).Split(' ');
        await LabFixture.EventuallyAsync(
            () => lab.AgentAsync("kind-worker", "cilium-dbg", "service", "list"), text => live.All(address => text.Contains(address, StringComparison.Ordinal)));
        await lab.DeleteAsync("httpd.yaml", "netshoot-client.yaml");
    }

    [Fact]
    public async Task A_socket_connected_to_a_service_is_connected_to_its_backend()
    {
        await lab.ApplyAsync("nginx.yaml", "netshoot-client.yaml");
        await lab.PodsReadyAsync("netshoot-client");
        await lab.PodsReadyAsync("-l", "app.kubernetes.io/name=nginx");
        await lab.ReachesAsync("netshoot-client", "http://nginx-service");
        var service = await lab.ReadAsync("service nginx-service", "{.spec.clusterIP}");
        var backend = System.Net.IPAddress.Parse(await lab.ReadAsync("pods -l app.kubernetes.io/name=nginx", "{.items[0].status.podIP}"));

        var (_, table, _) = await lab.ExecAsync("netshoot-client", "bash", "-c", $"exec 3<>/dev/tcp/{service}/80; cat /proc/$$/net/tcp");
        var kernelForm = Convert.ToHexString(backend.GetAddressBytes().Reverse().ToArray());
        Assert.Contains($"{kernelForm}:0050", table, StringComparison.Ordinal);
        await lab.DeleteAsync("nginx.yaml", "netshoot-client.yaml");
    }
}
