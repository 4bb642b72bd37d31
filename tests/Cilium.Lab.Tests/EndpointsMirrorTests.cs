using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Controllers;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Tests;

/// <summary>What becomes of Endpoints that somebody writes.</summary>
public sealed class EndpointsMirrorTests : IAsyncDisposable
{
    private readonly CancellationTokenSource ending = new();
    private readonly ClusterState state = TestCluster.Create();
    private readonly Task running;

    public EndpointsMirrorTests() => running = new ControllerSet(state, ClusterNetwork.For(true, true), "ca").RunAsync(ending.Token);

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ending.Dispose();
    }

    [Fact]
    public async Task Endpoints_written_for_a_service_without_a_selector_are_mirrored_to_slices()
    {
        state.Create(BuiltInKinds.Services, """{"metadata":{"name":"web"},"spec":{"ports":[{"port":80}]}}""");
        state.Create(BuiltInKinds.Endpoints, """
            {"metadata":{"name":"web"},"subsets":[
            {"addresses":[{"ip":"192.0.2.1"},{"ip":"2001:db8::1"}],"notReadyAddresses":[{"ip":"192.0.2.2","nodeName":"n1"}],"ports":[{"name":"http","port":8080}]},
            {"addresses":[{"ip":"192.0.2.3"}],"ports":[{"name":"http","port":9090}]}]}
            """);
        await state.UntilAsync(() => Slices("web").Count == 3);
        Assert.Equal(
            ["IPv4 8080 192.0.2.1=true 192.0.2.2=false", "IPv4 9090 192.0.2.3=true", "IPv6 8080 2001:db8::1=true"], Slices("web").Select(Told).Order(StringComparer.Ordinal));

        state.Change(BuiltInKinds.Endpoints, "default", "web", item => item["subsets"] = JsonNode.Parse("""[{"addresses":[{"ip":"192.0.2.9"}],"ports":[{"port":8080}]}]"""));
        await state.UntilAsync(() => Slices("web") is [var only] && Told(only) == "IPv4 8080 192.0.2.9=true");
        // Somebody who takes the service over takes its slices too.
        state.Patch(BuiltInKinds.Endpoints, "web", """{"metadata":{"labels":{"endpointslice.kubernetes.io/skip-mirror":"true"}}}""");
        await state.UntilAsync(() => Slices("web").Count == 0);
        state.Patch(BuiltInKinds.Endpoints, "web", """{"metadata":{"labels":{"endpointslice.kubernetes.io/skip-mirror":null}}}""");
        await state.UntilAsync(() => Slices("web").Count == 1);
        state.Delete(BuiltInKinds.Endpoints, "default", "web");
        await state.UntilAsync(() => Slices("web").Count == 0);

        static string Told(JsonObject slice) => $"{slice.Text("addressType")} {slice.Items("ports").Single().Number("port")} "
            + string.Join(' ', slice.Items("endpoints").Select(endpoint => $"{endpoint.Items("addresses").Single().Display()}={endpoint.At("conditions", "ready")!.ToJsonString()}"));
    }

    [Fact]
    public async Task Endpoints_of_a_service_with_a_selector_are_not_mirrored()
    {
        state.Create(BuiltInKinds.Services, """{"metadata":{"name":"web"},"spec":{"selector":{"app":"web"},"ports":[{"port":80}]}}""");
        await state.UntilAsync(() => Slices("web").Count == 1 && state.Store.Get(BuiltInKinds.Endpoints, "default", "web") is not null);
        state.Patch(BuiltInKinds.Endpoints, "web", """{"subsets":[{"addresses":[{"ip":"192.0.2.1"}],"ports":[{"port":80}]}]}""");
        // One that comes later has been mirrored when this one would have been.
        state.Create(BuiltInKinds.Services, """{"metadata":{"name":"later"},"spec":{"ports":[{"port":80}]}}""");
        state.Create(BuiltInKinds.Endpoints, """{"metadata":{"name":"later"},"subsets":[{"addresses":[{"ip":"192.0.2.1"}],"ports":[{"port":80}]}]}""");
        await state.UntilAsync(() => Slices("later").Count == 1);

        Assert.Equal("endpointslice-controller.k8s.io", Assert.Single(Slices("web")).Labels().Text("endpointslice.kubernetes.io/managed-by"));
    }

    private List<JsonObject> Slices(string service) =>
        [.. state.Store.All(BuiltInKinds.EndpointSlices, "default").Where(slice => slice.Labels().Text("kubernetes.io/service-name") == service)];
}
