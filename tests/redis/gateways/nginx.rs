//! nginx in front of two gateways.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::net::TcpStream;

use crate::server::free_port;

/// One process, which is killed when it is dropped. The header `x-gateway` of a request says which
/// gateway it is for: `one`, `two`, or else any.
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    /// For its configuration and its files.
    directory: PathBuf,
}

impl Nginx {
    /// Starts it with these settings for `location /`.
    pub(crate) async fn start(gateways: [SocketAddr; 2], settings: &str) -> Self {
        // Another program may take the port before nginx does.
        for _ in 0..20 {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let name = format!("nginx-{}-{}", std::process::id(), address.port());
            let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            fs::create_dir_all(&directory).unwrap();
            let text = configuration(address, gateways, settings, &directory);
            fs::write(directory.join("nginx.conf"), text).unwrap();
            let mut nginx = Self {
                child: spawn(&directory),
                address,
                directory,
            };
            if nginx.serves().await {
                return nginx;
            }
        }
        panic!("nginx does not start: see its errors above");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it accepts connections. Returns `false` if it ends before.
    async fn serves(&mut self) -> bool {
        while self.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(self.address).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn spawn(directory: &Path) -> Child {
    // Debian has it in a directory that is in root's PATH only.
    let paths = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    Command::new("nginx")
        .env("PATH", paths)
        .arg("-p")
        .arg(directory)
        .args(["-e", "stderr", "-c", "nginx.conf"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("nginx does not start ({error}): install it, with `apt install nginx`")
        })
}

fn configuration(
    address: SocketAddr,
    [one, two]: [SocketAddr; 2],
    settings: &str,
    directory: &Path,
) -> String {
    let directory = directory.display();
    format!(
        "
daemon off;
# One process, so that nothing remains when it is killed.
master_process off;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000;
    proxy_read_timeout 120s;
    upstream one {{ server {one}; keepalive 256; }}
    upstream two {{ server {two}; keepalive 256; }}
    upstream any {{ server {one}; server {two}; keepalive 256; }}
    map $http_x_gateway $gateway {{ one one; two two; default any; }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://$gateway;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $http_host;
            {settings}
        }}
    }}
}}
"
    )
}
