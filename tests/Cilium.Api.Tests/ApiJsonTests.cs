using System.Text;
using System.Text.Json;

namespace Cilium.Api.Tests;

public sealed class ApiJsonTests
{
    [Fact]
    public void Endpoint_requests_have_upstreams_field_names()
    {
        var text = Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(
            new EndpointChangeRequest
            {
                ContainerId = "c",
                K8sPodName = "p",
                K8sNamespace = "n",
                K8sUid = "u",
                NetnsCookie = "1",
                SyncBuildEndpoint = true,
                Addressing = new AddressPair { Ipv4 = "10.0.0.1", Ipv4ExpirationUuid = "x", Ipv4PoolName = "default" },
            },
            ApiJson.Default.EndpointChangeRequest));
        foreach (var key in new[]
        {
            "container-id", "k8s-pod-name", "k8s-namespace", "k8s-uid", "netns-cookie", "sync-build-endpoint", "addressing", "ipv4",
            "ipv4-expiration-uuid", "ipv4-pool-name", "interface-index",
        })
        {
            Assert.Contains($"\"{key}\":", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Configuration_and_status_have_upstreams_field_names()
    {
        var configuration = JsonSerializer.Serialize(
            new DaemonConfiguration { Status = new DaemonConfigurationStatus { DeviceMtu = 1, RouteMtu = 2, IpamMode = "kubernetes", DatapathMode = "veth" } },
            ApiJson.Default.DaemonConfiguration);
        Assert.Contains("\"deviceMTU\":1", configuration, StringComparison.Ordinal);
        Assert.Contains("\"routeMTU\":2", configuration, StringComparison.Ordinal);
        Assert.Contains("\"ipam-mode\":\"kubernetes\"", configuration, StringComparison.Ordinal);
        Assert.Contains("\"datapathMode\":\"veth\"", configuration, StringComparison.Ordinal);

        var status = JsonSerializer.Serialize(
            new StatusResponse
            {
                KubeProxyReplacement = new KubeProxyReplacement { Mode = "True", DeviceList = [new() { Name = "eth0", Ip = ["1.2.3.4"] }] },
                Kubernetes = new K8sStatus { K8sApiVersions = ["core/v1::Pods"] },
                Hubble = new HubbleStatus { Observer = new HubbleObserverStatus { CurrentFlows = 1 } },
            },
            ApiJson.Default.StatusResponse);
        foreach (var key in new[] { "kube-proxy-replacement", "deviceList", "k8s-api-versions", "current-flows" })
        {
            Assert.Contains($"\"{key}\":", status, StringComparison.Ordinal);
        }
    }
}
