namespace Cilium.LabTests;

public sealed class LoadBalancerIpamLab() : LabFixture("lbipam", "kube-proxy-replacement.yaml", nodes: 1);

/// <summary>Chapter 6: addresses for services of type LoadBalancer.</summary>
public sealed class LoadBalancerIpamTests(LoadBalancerIpamLab lab) : IClassFixture<LoadBalancerIpamLab>
{
    [Fact]
    public async Task A_service_follows_the_pools_as_they_change()
    {
        await lab.ApplyAsync("httpd-lb-service.yaml");
        Assert.Matches(@"httpd\s+LoadBalancer\s+\S+\s+<pending>", await lab.KubectlAsync("get", "service", "httpd"));

        await lab.ApplyAsync("lb-pool.yaml");
        await AddressAsync("172.16.0.0");
        Assert.Matches(@"httpd\s+LoadBalancer\s+\S+\s+172\.16\.0\.0\s", await lab.KubectlAsync("get", "service", "httpd"));
        Assert.Equal("True satisfied", await ConditionAsync());
        await LabFixture.EventuallyAsync(
            () => lab.KubectlAsync("get", "ippools"), text => System.Text.RegularExpressions.Regex.IsMatch(text, @"lb-pool\s+false\s+False\s+255\s"));

        await lab.ApplyAsync("lb-pool-start-stop.yaml");
        await AddressAsync("172.16.0.1");
        await lab.ApplyAsync("lb-pool-no-first-last.yaml");
        await AddressAsync("192.168.9.1");

        await lab.DeleteAsync("lb-pool-no-first-last.yaml");
        await lab.ApplyAsync("lb-pool-production.yaml");
        await LabFixture.EventuallyAsync(ConditionAsync, condition => condition == "False no_pool");
        Assert.Matches(@"httpd\s+LoadBalancer\s+\S+\s+<pending>", await lab.KubectlAsync("get", "service", "httpd"));
        await lab.KubectlAsync("label", "service", "httpd", "environment=production");
        await AddressAsync("100.16.38.1");
        Assert.Equal("100.16.38.0/24", await lab.ReadAsync("ciliumloadbalancerippools.v2.cilium.io production-pool", "{.spec.blocks[0].cidr}"));

        await lab.KubectlAsync(
            "patch", "ippool", "production-pool", "--type=merge", "-p", """{"spec":{"serviceSelector":{"matchLabels":{"io.kubernetes.service.namespace":"elsewhere"}}}}""");
        await LabFixture.EventuallyAsync(ConditionAsync, condition => condition == "False no_pool");
        await lab.KubectlAsync(
            "patch", "ippool", "production-pool", "--type=merge", "-p", """{"spec":{"serviceSelector":{"matchLabels":{"io.kubernetes.service.namespace":"default"}}}}""");
        await AddressAsync("100.16.38.1");

        await lab.KubectlAsync("annotate", "service", "httpd", "lbipam.cilium.io/ips=100.16.38.77");
        await AddressAsync("100.16.38.77");
        await lab.DeleteAsync("httpd-lb-service.yaml", "lb-pool-production.yaml");
    }

    private Task<string> AddressAsync(string expected) =>
        LabFixture.EventuallyAsync(() => lab.ReadAsync("service httpd", "{.status.loadBalancer.ingress[*].ip}"), address => address == expected);

    private Task<string> ConditionAsync() =>
        lab.ReadAsync("service httpd", "{range .status.conditions[?(@.type==\"cilium.io/IPAMRequestSatisfied\")]}{.status} {.reason}{end}");
}
