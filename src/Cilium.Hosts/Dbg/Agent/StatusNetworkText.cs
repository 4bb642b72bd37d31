using System.Globalization;
using Cilium.Api;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary>The rows of the status about how packets travel, and about what watches them.</summary>
internal static class StatusNetworkText
{
    /// <summary>Adds one row: its key without the colon, and the parts of its value.</summary>
    public delegate void RowWriter(string key, params string?[] values);

    public static void Add(RowWriter row, StatusResponse status)
    {
        row("IPv4 BIG TCP", "Disabled");
        row("IPv6 BIG TCP", "Disabled");
        row("BandwidthManager", status.BandwidthManager?.Enabled == true ? "EDT with BPF" : "Disabled");
        if (status.Routing is { } routing)
        {
            var tunnel = routing.InterHostRoutingMode == "Tunnel" ? $"Tunnel [{routing.TunnelProtocol}]" : routing.InterHostRoutingMode;
            row("Routing", $"Network: {tunnel}", $"Host: {routing.IntraHostRoutingMode}");
        }

        if (status.AttachMode is { } attach)
        {
            row("Attach Mode", attach switch { "tcx" => "TCX", "tc" => "Legacy TC", _ => attach });
        }

        if (status.DatapathMode is { } mode)
        {
            row("Device Mode", mode);
        }

        if (status.Masquerading is { } masquerading)
        {
            row("Masquerading", Masquerading(masquerading, status.KubeProxyReplacement?.DeviceList ?? []));
        }

        if (status.ClockSource is { } clock)
        {
            row("Clock Source for BPF", clock.Mode == "jiffies" ? string.Create(CultureInfo.InvariantCulture, $"jiffies [{clock.Hertz} Hz]") : clock.Mode);
        }
    }

    public static void AddTail(RowWriter row, StatusResponse status)
    {
        row("Proxy Status", status.Proxy is { Ip.Length: > 0 } proxy
            ? string.Create(CultureInfo.InvariantCulture, $"OK, ip {proxy.Ip}, {proxy.TotalRedirects} redirects active on ports {proxy.PortRange}, Envoy: {proxy.EnvoyDeploymentMode}")
            : "No managed proxy redirect");
        if (status.IdentityRange is { } range)
        {
            row("Global Identity Range", string.Create(CultureInfo.InvariantCulture, $"min {range.MinIdentity}, max {range.MaxIdentity}"));
        }

        if (status.Hubble is { } hubble)
        {
            row("Hubble", hubble.State, hubble.Msg, Flows(hubble.Observer), hubble.Metrics is { } metrics ? $"Metrics: {metrics.State}" : "");
        }

        row("Encryption", status.Encryption?.Mode ?? "Disabled", status.Encryption?.Msg);
    }

    private static string Masquerading(MasqueradingStatus status, IReadOnlyList<KubeProxyReplacementDevice> devices)
    {
        if (!status.Enabled)
        {
            return "Disabled";
        }

        var ranges = string.Join(' ', new[] { status.SnatExclusionCidrV4, status.SnatExclusionCidrV6 }.Where(text => !string.IsNullOrEmpty(text)));
        var families = $"[IPv4: {OnOff(status.EnabledProtocols?.Ipv4)}, IPv6: {OnOff(status.EnabledProtocols?.Ipv6)}]";
        var names = devices.Count == 0 ? "" : $"[{string.Join(", ", devices.Select(device => device.Name))}]";
        return $"{string.Join("   ", new[] { status.Mode, names, ranges }.Where(text => !string.IsNullOrEmpty(text)))} {families}";
    }

    private static string OnOff(bool? isOn) => isOn == true ? "Enabled" : "Disabled";

    private static string Flows(HubbleObserverStatus? observer)
    {
        if (observer is null)
        {
            return "";
        }

        var seconds = observer.Uptime / 1e9;
        var rate = seconds > 0 ? observer.SeenFlows / seconds : 0;
        var percent = observer.MaxFlows > 0 ? 100.0 * observer.CurrentFlows / observer.MaxFlows : 0;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Current/Max Flows: {observer.CurrentFlows}/{observer.MaxFlows} ({percent:F2}%), Flows/s: {rate:F2}");
    }
}
