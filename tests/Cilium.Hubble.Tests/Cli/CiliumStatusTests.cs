using System.Text.Json;
using Cilium.Hosts.Cli;

namespace Cilium.Hubble.Tests.Cli;

public sealed class CiliumStatusTests
{
    [Fact]
    public void A_healthy_cluster_is_printed_as_upstream_does()
    {
        Assert.Equal(
            """
                /¯¯\
             /¯¯\__/¯¯\    Cilium:             OK
             \__/¯¯\__/    Operator:           OK
             /¯¯\__/¯¯\    Envoy DaemonSet:    disabled (using embedded mode)
             \__/¯¯\__/    Hubble Relay:       disabled
                \__/       ClusterMesh:        disabled

            DaemonSet              cilium             Desired: 2, Ready: 2/2, Available: 2/2
            Deployment             cilium-operator    Desired: 1, Ready: 1/1, Available: 1/1
            Containers:            cilium             Running: 2
                                   cilium-operator    Running: 1
            Cluster Pods:          1/2 managed by Cilium
            Helm chart version:    1.17.0
            Image versions         cilium             quay.io/cilium/cilium:v1.17.0: 2
                                   cilium-operator    quay.io/cilium/operator:v1.17.0: 1

            """,
            Print(State(ready: 2)));
        Assert.Empty(StatusText.Errors(State(ready: 2)));
    }

    [Fact]
    public void What_is_not_ready_is_an_error()
    {
        var text = Print(State(ready: 1));

        Assert.Contains("Cilium:             1 errors\n", text, StringComparison.Ordinal);
        Assert.Contains("Errors:                cilium             cilium    1 pods of DaemonSet cilium are not ready\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_cluster_lacks_agent_and_operator() =>
        Assert.Equal(["cilium", "cilium-operator"], StatusText.Errors(ClusterState.From("kube-system", default, default, default, default)).Select(error => error.Component));

    [Theory]
    [InlineData("5m", 300_000)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("500ms", 500)]
    [InlineData("1.5s250ms", 1750)]
    [InlineData("2000us", 2)]
    [InlineData("0s", 0)]
    public void Waits_are_durations_as_Go_writes_them(string text, int milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), WaitDuration.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("m")]
    [InlineData("5x")]
    [InlineData("1.2.3s")]
    [InlineData("-5s")]
    [InlineData("99999999999h")]
    public void What_is_no_duration_is_named(string text) =>
        Assert.Contains($"'{text}'", Assert.Throws<FormatException>(() => WaitDuration.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Upstreams_options_of_the_status_are_taken() => CommandRun.FailedInOneLine(
        await CommandRun.RunAsync(CiliumCommand.Create(), "status", "--ignore-warnings", "--interactive=false", "--verbose", "--kubeconfig", "/nonexistent/config"),
        "/nonexistent/config");

    [Fact]
    public void Configuration_is_sorted_and_aligned()
    {
        using var output = new StringWriter();
        ConfigCommands.Write(output, Json("""{"data":{"ipam":"kubernetes","enable-ipv4":"true"}}"""));

        Assert.Equal("enable-ipv4    true\nipam           kubernetes\n", output.ToString());
    }

    [Fact]
    public void The_running_version_is_the_images_tag() =>
        Assert.Equal("1.17.0", VersionCommand.Tag(Json(
            """{"spec":{"template":{"spec":{"containers":[{"name":"cilium-agent","image":"quay.io:443/cilium/cilium:v1.17.0@sha256:aa"}]}}}}""")));

    private static string Print(ClusterState state)
    {
        using var output = new StringWriter();
        StatusText.Write(output, state, useColor: false);
        return output.ToString();
    }

    private static ClusterState State(int ready)
    {
        var daemonSets = $$$"""{"items":[{"metadata":{"name":"cilium","labels":{"helm.sh/chart":"cilium-1.17.0"}},"status":{"desiredNumberScheduled":2,"numberReady":{{{ready}}},"numberAvailable":{{{ready}}}}},{"metadata":{"name":"other"}}]}""";
        const string deployments = """{"items":[{"metadata":{"name":"cilium-operator"},"spec":{"replicas":1},"status":{"readyReplicas":1,"availableReplicas":1}}]}""";
        const string agent = """{"metadata":{"name":"c","namespace":"kube-system","labels":{"k8s-app":"cilium"}},"spec":{"hostNetwork":true,"containers":[{"image":"quay.io/cilium/cilium:v1.17.0"}]},"status":{"phase":"Running"}}""";
        const string anOperator = """{"metadata":{"name":"o","namespace":"kube-system","labels":{"io.cilium/app":"operator"}},"spec":{"hostNetwork":true,"containers":[{"image":"quay.io/cilium/operator:v1.17.0"}]},"status":{"phase":"Running"}}""";
        const string a = """{"metadata":{"name":"a","namespace":"default"},"spec":{},"status":{"phase":"Running"}}""";
        const string b = """{"metadata":{"name":"b","namespace":"default"},"spec":{},"status":{"phase":"Pending"}}""";
        const string done = """{"metadata":{"name":"d","namespace":"default"},"spec":{},"status":{"phase":"Succeeded"}}""";
        return ClusterState.From(
            "kube-system", Json(daemonSets), Json(deployments), Json($$"""{"items":[{{agent}},{{agent}},{{anOperator}},{{a}},{{b}},{{done}}]}"""),
            Json("""{"items":[{"metadata":{"name":"a","namespace":"default"}}]}"""));
    }

    private static JsonElement Json(string text)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}
