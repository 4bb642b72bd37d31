using System.CommandLine;
using Cilium.Hubble.Client;

namespace Cilium.Hosts.Hubble;

/// <summary>How the server is reached: options, then HUBBLE_* variables, then the configuration file.</summary>
internal sealed class ServerOptions
{
    private readonly Option<string?> _server = new("--server") { Description = "Address of a Hubble server (unix:///path or host:port).", Recursive = true };
    private readonly Option<string?> _timeout = new("--timeout") { Description = "Hubble server dialing timeout (default 5s).", Recursive = true };
    private readonly Option<string?> _requestTimeout = new("--request-timeout")
    {
        Description = "Unary request timeout; only for status and list (default 12s).",
        Recursive = true,
    };

    private readonly Option<bool> _tls = new("--tls") { Description = "Use TLS.", Recursive = true };
    private readonly Option<string?> _tlsServerName = new("--tls-server-name") { Description = "Server name in the server's certificate.", Recursive = true };
    private readonly Option<bool> _tlsAllowInsecure = new("--tls-allow-insecure") { Description = "Take any certificate of the server's.", Recursive = true };
    private readonly Option<string?> _tlsCaFiles = new("--tls-ca-cert-files")
    {
        Description = "PEM files of trusted authorities, separated by commas.",
        Recursive = true,
    };

    private readonly Option<string?> _tlsCertFile = new("--tls-client-cert-file") { Description = "PEM file of the client's certificate.", Recursive = true };
    private readonly Option<string?> _tlsKeyFile = new("--tls-client-key-file") { Description = "PEM file of the key of the client's certificate.", Recursive = true };
    private readonly Option<bool> _debug = new("--debug", "-D") { Description = "Print informal messages.", Recursive = true };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])
            [_server, _timeout, _requestTimeout, _tls, _tlsServerName, _tlsAllowInsecure, _tlsCaFiles, _tlsCertFile, _tlsKeyFile, _debug])
        {
            command.Options.Add(option);
        }
    }

    public bool IsDebug(ParseResult arguments) => IsSet(arguments, _debug, "debug");

    public TimeSpan RequestTimeout(ParseResult arguments) => Duration(arguments, _requestTimeout, "request-timeout", TimeSpan.FromSeconds(12));

    public ServerConnection Connect(ParseResult arguments)
    {
        var address = HubbleAddress.Choose(Value(arguments, _server, "server"), Environment.GetEnvironmentVariable("CILIUM_SOCK"));
        if (address.SocketPath.Length == 0 && IsSet(arguments, _tls, "tls"))
        {
            address = address with { UseTls = true };
        }

        var timeout = Duration(arguments, _timeout, "timeout", TimeSpan.FromSeconds(5));
        var tls = new HubbleClientTls
        {
            ServerName = Value(arguments, _tlsServerName, "tls-server-name") ?? "",
            AllowsInsecure = IsSet(arguments, _tlsAllowInsecure, "tls-allow-insecure"),
            AuthorityFiles = (Value(arguments, _tlsCaFiles, "tls-ca-cert-files") ?? "")
                .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            CertificateFile = Value(arguments, _tlsCertFile, "tls-client-cert-file") ?? "",
            KeyFile = Value(arguments, _tlsKeyFile, "tls-client-key-file") ?? "",
        };
        return new ServerConnection(address, address.Open(timeout, tls));
    }

    /// <summary>Whether a switch is on: what the command line says, or else what is configured, in the words of Go's ParseBool.</summary>
    /// <exception cref="FormatException">What is configured is none of these words.</exception>
    internal static bool IsSet(ParseResult arguments, Option<bool> option, string key, string? configured)
    {
        if (arguments.GetResult(option) is { Implicit: false })
        {
            return arguments.GetValue(option);
        }

        return configured switch
        {
            "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
            null or "" or "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
            _ => throw new FormatException($"{key}: '{configured}' is neither true nor false"),
        };
    }

    private static bool IsSet(ParseResult arguments, Option<bool> option, string key) => IsSet(arguments, option, key, HubbleConfig.Value(key));

    private static string? Value(ParseResult arguments, Option<string?> option, string key) => arguments.GetValue(option) ?? HubbleConfig.Value(key);

    private static TimeSpan Duration(ParseResult arguments, Option<string?> option, string key, TimeSpan standard)
    {
        var text = Value(arguments, option, key);
        if (text is null)
        {
            return standard;
        }

        return FlowSelection.TryParseDuration(text, out var duration) && duration > TimeSpan.Zero
            ? duration
            : throw new FormatException($"--{key}: '{text}' is no duration such as 5s");
    }
}
