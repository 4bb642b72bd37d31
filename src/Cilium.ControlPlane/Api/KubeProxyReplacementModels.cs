using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.Datapath.Nodes;

namespace Cilium.ControlPlane.Api;

/// <summary>Service load balancing in the models' words.</summary>
internal static class KubeProxyReplacementModels
{
    private static readonly FeatureSwitch s_on = new() { Enabled = true };
    private static readonly FeatureSwitch s_off = new() { Enabled = false };

    public static KubeProxyReplacement Of(AgentContext agent, LocalNodeRow? self)
    {
        var options = agent.Options;
        var own = new[] { self?.IPv4 ?? default, self?.IPv6 ?? default }.Where(address => !address.IsNone).ToList();
        var addresses = own.Select(address => address.ToString()).ToList();
        IReadOnlyList<string> devices = options.Datapath.Devices.Count > 0
            ? options.Datapath.Devices
            : [.. own.Select(agent.Devices.DeviceOf).OfType<string>().Distinct()];
        return new KubeProxyReplacement
        {
            Mode = options.KubeProxyReplacement ? "True" : "False",
            Devices = devices,
            DeviceList = [.. devices.Select(device => new KubeProxyReplacementDevice { Name = device, Ip = addresses })],
            DirectRoutingDevice = devices.Count > 0 ? devices[0] : null,
            Features = new KubeProxyReplacementFeatures
            {
                SocketLb = options.Datapath.EnableSocketLoadBalancing ? s_on : s_off,
                SocketLbTracing = options.Datapath is { EnableSocketLoadBalancing: true, EnableSocketEvents: true } ? s_on : s_off,
                NodePort = new NodePortFeature { Enabled = options.Datapath.EnableNodePort, Mode = "SNAT", Algorithm = "Random", Acceleration = "Disabled", PortMin = 30000, PortMax = 32767 },
                HostPort = s_off,
                ExternalIps = options.Datapath.EnableNodePort ? s_on : s_off,
                SessionAffinity = s_on,
                GracefulTermination = s_on,
                Nat46X64 = s_off,
                Annotations = [],
            },
        };
    }
}
