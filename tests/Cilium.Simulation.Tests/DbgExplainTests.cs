using Cilium.Api;
using Cilium.Core;
using Cilium.Hosts.Dbg.Explain;
using Cilium.Simulation.Explaining;
using Cilium.VirtualNetwork.Captures;

namespace Cilium.Simulation.Tests;

/// <summary>The parts of <c>cilium-dbg explain</c> that need no node; what it says of one is compared in <c>tests/Kernel</c>.</summary>
public sealed class DbgExplainTests
{
    [Fact]
    public void The_agents_names_are_understood()
    {
        var names = new AgentNames();
        names.Take(
            [
                new EndpointModel
                {
                    Id = 12,
                    Status = new EndpointStatusModel
                    {
                        ExternalIdentifiers = new EndpointIdentifiers { K8sNamespace = "default", K8sPodName = "web" },
                        Networking = new EndpointNetworking { Addressing = [new AddressPair { Ipv4 = "10.0.0.12" }] },
                    },
                },
            ],
            [new IpListEntry { Cidr = "10.0.1.9/32", Metadata = new IpListEntryMetadata { Namespace = "shop", Name = "far" } }],
            [new ServiceModel { Spec = new ServiceSpec { FrontendAddress = new FrontendAddress { Ip = "10.96.0.7", Port = 80 }, Flags = new ServiceSpecFlags { Namespace = "shop", Name = "web" } } }],
            [new IdentityModel { Id = 300, Labels = ["k8s:app=web"] }]);
        Assert.Equal(new EndpointId(12), names.Endpoint("web"));
        Assert.Equal(new EndpointId(12), names.Endpoint("default/web"));
        Assert.Equal(new EndpointId(7), names.Endpoint("7"));
        Assert.Throws<QuestionException>(() => names.Endpoint("shop/far"));
        Assert.Equal(IpAddr.Parse("10.0.0.12"), names.Address("default/web"));
        Assert.Equal(IpAddr.Parse("10.0.1.9"), names.Address("shop/far"));
        Assert.Equal(IpAddr.Parse("10.96.0.7"), names.Address("svc/shop/web"));
        Assert.Equal(IpAddr.Parse("1.2.3.4"), names.Address("1.2.3.4"));
        Assert.Throws<QuestionException>(() => names.Address("svc/web"));
        Assert.Equal("default/web", names.NameOf(new EndpointId(12)));
        Assert.Equal(LabelSet.Parse("k8s:app=web"), names.LabelsOf(new Identity(300)));
    }

    [Fact]
    public void A_frame_of_a_capture_is_taken_by_its_number()
    {
        var path = Path.GetTempFileName();
        try
        {
            using (var stream = File.Create(path))
            {
                var writer = new PcapWriter(stream);
                writer.Write(new CapturedFrame(0, new byte[] { 1 }, 1));
                writer.Write(new CapturedFrame(0, new byte[] { 2, 2 }, 2));
            }
            Assert.Equal([1], CaptureFrame.Read(path).ToArray());
            Assert.Equal([2, 2], CaptureFrame.Read($"{path}:2").ToArray());
            Assert.Throws<QuestionException>(() => CaptureFrame.Read($"{path}:3"));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
