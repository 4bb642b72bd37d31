using System.CommandLine;
using Cilium.Core;
using Cilium.Policy;
using Cilium.Simulation.Clusters;
using Cilium.Simulation.Explaining;

namespace Cilium.Hosts.Cli.Policies;

/// <summary>The options of <c>cilium policy explain</c>.</summary>
internal sealed class ExplainOptions
{
    private readonly Option<string[]> _files = new("--filename", "-f") { Description = "Files or folders of manifests.", Required = true, AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> _from = new("--from") { Description = "The sender: namespace/pod, or namespace/workload for its first pod." };
    private readonly Option<string?> _to = new("--to") { Description = "The receiver: namespace/pod, an address, svc/name or svc/namespace/name." };
    private readonly Option<ushort?> _port = new("--port") { Description = "The destination port." };
    private readonly Option<string> _protocol = new("--proto") { Description = "tcp, udp, sctp or icmp.", DefaultValueFactory = _ => "tcp" };
    private readonly Option<bool> _matrix = new("--matrix") { Description = "Ask each pod about each other, on --port or on every port that pods and services declare." };
    private readonly Option<string?> _expect = new("--expect") { Description = "A list of from, to, port, proto and verdict (allowed or denied) to check." };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "json for programs." };
    private readonly Option<int> _nodes = new("--nodes") { Description = "Nodes that pods without a node are spread over.", DefaultValueFactory = _ => 2 };
    private readonly Option<bool> _ipv6 = new("--ipv6") { Description = "Give pods and services IPv6 addresses too." };
    private readonly Option<string> _enforcement = new("--enforcement") { Description = "default, always or never.", DefaultValueFactory = _ => "default" };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_files, _from, _to, _port, _protocol, _matrix, _expect, _output, _nodes, _ipv6, _enforcement])
        {
            command.Options.Add(option);
        }
    }

    public string[] Files(ParseResult arguments) => arguments.GetValue(_files) ?? [];

    public bool IsMatrix(ParseResult arguments) => arguments.GetValue(_matrix);

    public string? Expected(ParseResult arguments) => arguments.GetValue(_expect);

    public ushort? Port(ParseResult arguments) => Protocol(arguments) == L4Protocol.Icmp ? (ushort)0 : arguments.GetValue(_port);

    public bool IsJson(ParseResult arguments) => arguments.GetValue(_output) switch
    {
        null or "text" => false,
        "json" => true,
        var other => throw new QuestionException($"--output must be json, not {other}"),
    };

    public int Nodes(ParseResult arguments) => arguments.GetValue(_nodes) is >= 1 and <= 100 and var nodes ? nodes : throw new QuestionException("--nodes must be from 1 to 100");

    public L4Protocol Protocol(ParseResult arguments) =>
        ProtocolNames.TryParse(arguments.GetValue(_protocol)!, out var protocol) ? protocol : throw new QuestionException("--proto must be tcp, udp, sctp or icmp");

    public SimulationOptions Simulation(ParseResult arguments)
    {
        var datapath = SimulationOptions.Small();
        datapath.EnableIPv6 = arguments.GetValue(_ipv6);
        return new SimulationOptions
        {
            Nodes = Nodes(arguments),
            Datapath = datapath,
            Enforcement = Enum.TryParse<EnforcementMode>(arguments.GetValue(_enforcement), ignoreCase: true, out var mode)
                ? mode
                : throw new QuestionException("--enforcement must be default, always or never"),
        };
    }

    /// <summary>The one question.</summary>
    public Question Question(ParseResult arguments)
    {
        var from = arguments.GetValue(_from) ?? throw new QuestionException("--from is missing");
        var to = arguments.GetValue(_to) ?? throw new QuestionException("--to is missing");
        var port = Port(arguments) ?? throw new QuestionException("--port is missing");
        return new Question(Cilium.Simulation.Explaining.Question.NameOf(from), to, port, Protocol(arguments));
    }
}
