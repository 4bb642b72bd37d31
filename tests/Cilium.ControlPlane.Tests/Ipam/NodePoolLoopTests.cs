using System.Text;
using System.Text.Json.Nodes;
using Cilium.ControlPlane.Ipam;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Ipam;

public sealed class NodePoolLoopTests : IDisposable
{
    private const string Path = "apis/cilium.io/v2/ciliumnodes/node-a";
    private readonly FakeApiServer _server = new(TimeProvider.System);
    private readonly TestTables _test = new();
    private readonly MultiPoolIpam _ipam = new(true, false, new MultiPoolOptions { PreAllocate = new Dictionary<string, int> { ["default"] = 8 } });

    public void Dispose() => _server.Dispose();

    [Theory]
    [InlineData]
    [InlineData("10.0.5.0/28")]
    public async Task A_cilium_node_made_anew_gets_the_cidrs_that_pods_use(params string[] others)
    {
        Put("10.0.0.0/28");
        See();
        using var stop = new CancellationTokenSource();
        var loop = new NodePoolLoop(
            _test.Tables, _test.Options, _ipam, new CiliumNodeWriter(_server.Connection), TimeProvider.System, NullLogger<NodePoolLoop>.Instance);
        var running = loop.RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _ipam.IsReady);
        for (var i = 0; i < 10; i++)
            Assert.True(_ipam.Allocate(new AddressRequest($"pod-{i}") { WantsIPv4 = true }).IsOk);
        loop.Restored();
        await TestTables.UntilAsync(running, () => _server.Requests.Any(request => request == $"PATCH {Path}"));
        See();

        _server.Remove(Path);
        See();
        Put(others);
        See();
        await TestTables.UntilAsync(running, () => Cidrs.Split(',').Contains("10.0.0.0/28"));
        See();
        Assert.Equal(10, _ipam.Snapshot().Count(lease => Prefix.Parse("10.0.0.0/28").Contains(lease.Address)));
        Assert.Equal(AllocationStatus.InUse, _ipam.Allocate(_ipam.Snapshot()[0].Address, "other").Status);
        await TestTables.EndAsync(stop, running);
    }

    private string Cidrs => string.Join(
        ',', (_server.Get(Path)?["spec"]?["ipam"]?["pools"]?["allocated"] as JsonArray ?? []).SelectMany(pool => (JsonArray)pool!["cidrs"]!).Select(cidr => cidr!.ToString()));

    private void Put(params string[] cidrs) => _server.Put(Path, new JsonObject
    {
        ["spec"] = new JsonObject
        {
            ["ipam"] = new JsonObject
            {
                ["pools"] = new JsonObject
                {
                    ["allocated"] = cidrs.Length == 0
                        ? new JsonArray()
                        : new JsonArray(new JsonObject { ["pool"] = "default", ["cidrs"] = new JsonArray([.. cidrs.Select(cidr => JsonValue.Create(cidr))]) }),
                },
            },
        },
    });

    // As a watch would tell.
    private void See() => _test.Write(write => write.Replace(
        _test.Kubernetes.CiliumNodes,
        _server.List("apis/cilium.io/v2/ciliumnodes").Select(node => CiliumNodeDecoder.Node(Encoding.UTF8.GetBytes(node.ToJsonString()))!).ToList()));
}
