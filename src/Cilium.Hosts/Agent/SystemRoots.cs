using System.Runtime.InteropServices;
using System.Text;

namespace Cilium.Hosts.Agent;

/// <summary>The certificate authorities that the machine trusts.</summary>
/// <remarks>
/// .NET reads all of them, some 150 files, before it judges the first certificate, also when that is to be judged by other authorities alone. All
/// of that is before the first object of the cluster comes (figures are in benchmarks/RESULTS.md).
/// </remarks>
internal static class SystemRoots
{
    /// <summary>Has OpenSSL find none from now on, unless the environment says where to look. To be called before the first connection by TLS.</summary>
    public static void Ignore()
    {
        // The framework asks the C library for these, which does not see what the framework's own environment is set to.
        SetNative("SSL_CERT_DIR", "/nonexistent");
        SetNative("SSL_CERT_FILE", "/nonexistent");
    }

    private static void SetNative(string name, string value) => _ = setenv(Encoding.UTF8.GetBytes(name + '\0'), Encoding.UTF8.GetBytes(value + '\0'), overwrite: 0);

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int setenv(byte[] name, byte[] value, int overwrite);
}
